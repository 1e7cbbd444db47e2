// Peer configurations that mutations start from: every part of the schema is in one of them.

export const peerYaml: readonly string[] = [
  `pool: checkout
relays: [/ip4/10.0.0.5/tcp/4001/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN]
key: checkout.key
listen: [/ip4/0.0.0.0/tcp/4101]
data_port: 4102
http: 127.0.0.1:9464
notices:
  - kind: aws
  - kind: signal
    deadline: 25s
  - kind: file
    path: /run/notice
await: 15m
sources:
  - name: sessions
    kind: app
    url: unix:/run/shop/warm.sock
    timeout: 2s
  - name: models
    kind: directory
    path: /var/cache/models
    divide: { by: content, target: 1MiB }
    exclude: ['*.tmp']
    weight: 2
    share: { least: 0.1, most: 0.9 }
`,
  `relays: [/dns4/relay.internal/tcp/4001/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN]
key: a.key
await: always
sources: [{ name: a, kind: directory, path: /a, order: recency }]
policy:
  lanes: [store]
  reserve: 2s
  max_rate: 50MB/s
  max_bytes: 8GB
  keep: 6h
`,
]
