// What one plain TCP stream moves on this machine, by iperf3, where that is installed: nothing is sealed, read or written there.

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { mebibyte } from './memory-state.ts'
import { freePort } from './programs.ts'
import type { LinkEnd } from './shaped-link.ts'

const program = 'iperf3'

/** Whether iperf3 is installed here. */
export async function hasIperf3(): Promise<boolean> {
  return promisify(execFile)(program, ['--version']).then(
    () => true,
    () => false,
  )
}

export interface Iperf3Run {
  /** Loopback if there is none. */
  readonly link?: { readonly near: LinkEnd; readonly far: LinkEnd }
  /** How much goes, or for how long. */
  readonly mebibytes?: number
  readonly seconds?: number
  /** Mbit/s at most. */
  readonly megabits?: number
}

/** MB a second from the near end to the far one, as the receiver counts them. */
export async function iperf3Rate({ link, mebibytes, seconds, megabits }: Iperf3Run, signal: AbortSignal): Promise<number> {
  const loopback: LinkEnd = { host: '127.0.0.1', prefix: [] }
  const { near, far } = link ?? { near: loopback, far: loopback }
  const port = String(await freePort())
  const [serve, ...serverArgs] = [...far.prefix, program, '--server', '--one-off', '--forceflush', '--bind', far.host, '--port', port]
  const server = spawn(serve, serverArgs, { signal, stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = once(server, 'close')
  try {
    // It says that it listens.
    await once(server.stdout, 'data', { signal })
    const amount = mebibytes === undefined ? ['--time', String(seconds)] : ['--bytes', String(mebibytes * mebibyte)]
    const limit = megabits === undefined ? [] : ['--bitrate', `${megabits}M`]
    const [ask, ...args] = [...near.prefix, program, '--client', far.host, '--port', port, ...amount, ...limit, '--json']
    const { stdout } = await promisify(execFile)(ask, args, { signal, maxBuffer: 16 * mebibyte })
    const { end } = JSON.parse(stdout) as { end: { sum_received: { bits_per_second: number } } }
    return end.sum_received.bits_per_second / 8e6
  } finally {
    server.kill()
    await ended.catch(() => {})
  }
}
