// What one plain TCP stream moves on this machine, by iperf3, where that is installed: nothing is sealed, read or written there.

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { mebibyte } from './memory-state.ts'

const program = 'iperf3'

/** Whether iperf3 is installed here. */
export async function hasIperf3(): Promise<boolean> {
  return promisify(execFile)(program, ['--version']).then(
    () => true,
    () => false,
  )
}

/** MB a second, as the receiver counts them. */
export async function iperf3Rate(mebibytes: number, signal: AbortSignal): Promise<number> {
  const port = String(await freePort())
  const server = spawn(program, ['--server', '--one-off', '--forceflush', '--bind', '127.0.0.1', '--port', port], {
    signal,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const ended = once(server, 'close')
  try {
    // It says that it listens.
    await once(server.stdout, 'data', { signal })
    const client = ['--client', '127.0.0.1', '--port', port, '--bytes', String(mebibytes * mebibyte), '--json']
    const { stdout } = await promisify(execFile)(program, client, { signal, maxBuffer: 16 * mebibyte })
    const { end } = JSON.parse(stdout) as { end: { sum_received: { bits_per_second: number } } }
    return end.sum_received.bits_per_second / 8e6
  } finally {
    server.kill()
    await ended.catch(() => {})
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
