// `heirloom-relay serve`: the relay, until SIGTERM or Ctrl-C, which drain it.

import { onInterrupt } from '../../src/cli/entry.ts'
import { hostPortFlag, listenFlag, listFlag, portFlag, textFlag } from '../../src/cli/flag.ts'
import type { CommandDefinition } from '../../src/cli/program.ts'
import { loadRelayConfig } from '../config.ts'
import { serveRelay } from '../serve.ts'

export const serveCommand: CommandDefinition = {
  name: 'serve',
  description: 'serve peers until SIGTERM',
  example: 'heirloom-relay serve --store /var/lib/heirloom --listen /ip4/0.0.0.0/tcp/4001 --http 127.0.0.1:9465 --pool checkout.pub',
  options: [
    textFlag('--store <directory>', "where packs, records and the relay's own key are kept"),
    listenFlag('where peers reach the relay (default: /ip4/127.0.0.1/tcp/0)'),
    portFlag('--data-port <port>', 'where packs come and go by plain TCP, or off (default: any free port)'),
    hostPortFlag('--http <host:port>', 'health, metrics and the status page (default: 127.0.0.1:0)'),
    listFlag('--pool <file...>', 'public half of a pool key; several for several pools'),
    textFlag('--config <file>', 'a YAML file; flags stand over it'),
  ],
  async run({ flags, output }) {
    const overrides = {
      store: flags['store'],
      listen: flags['listen'],
      data_port: flags['dataPort'],
      http: flags['http'],
      pools: flags['pool'],
    }
    const config = await loadRelayConfig(flags['config'], overrides)
    using interrupt = onInterrupt()
    await using relay = await serveRelay(config, ({ message, hint }) =>
      output.log('warning', hint === undefined ? message : `${message} (${hint})`),
    )
    const addresses = relay.addresses()
    output.row({ event: 'listening', addresses, http: relay.http, peerId: relay.peerId })
    output.log('info', `listening on ${addresses.join(' ')}, status at ${relay.http}`)
    if (config.pools.length === 0) output.log('warning', 'no pool is served: give one with --pool')
    await new Promise<void>((resolve) => interrupt.signal.addEventListener('abort', () => resolve(), { once: true }))
    output.log('info', 'draining')
    await relay[Symbol.asyncDispose]()
    output.result({ drained: true }, '')
    return 0
  },
}
