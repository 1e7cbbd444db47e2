// The configuration file of a peer, as an operator would write it: the same for predecessor and successor, but for the places.

import { stringify } from 'yaml'

export interface PeerConfigOptions {
  readonly relays: readonly string[]
  readonly keyFile: string
  readonly socket: string
  readonly stateDirectory: string
  /** The shop's app API. */
  readonly shopSocket: string
  readonly directory: string
  /** Globs of what stays behind of the directory. */
  readonly exclude: readonly string[]
}

/** How long the demo's VM has from its notice: what the largest cloud gives. */
export const noticeSeconds = 120

export function peerConfig(options: PeerConfigOptions): string {
  const { exclude } = options
  return stringify({
    pool: 'demo',
    relays: [...options.relays],
    key: options.keyFile,
    state: options.stateDirectory,
    socket: options.socket,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    notices: [{ kind: 'signal', deadline: `${noticeSeconds}s` }],
    await: '15m',
    sources: [
      { name: 'shop', kind: 'app', url: `unix:${options.shopSocket}` },
      { name: 'files', kind: 'directory', path: options.directory, ...(exclude.length > 0 && { exclude: [...exclude] }) },
    ],
    policy: { reserve: '2s', ready_at: { hit_mass: 0.8, or_after: '20s' } },
  })
}
