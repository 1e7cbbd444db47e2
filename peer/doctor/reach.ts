// Whether anybody listens: a plain connection that is closed at once.

import { connect, type NetConnectOpts } from 'node:net'
import { doctorTimeoutMs } from '../../src/limits/agent.ts'

/** Resolves when somebody accepts; throws the socket's error, or the signal's reason, or a TimeoutError. */
export function reach(target: NetConnectOpts, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const limited = AbortSignal.any([signal, AbortSignal.timeout(doctorTimeoutMs)])
  const socket = connect(target)
  const onAbort = () => socket.destroy(limited.reason as Error)
  limited.addEventListener('abort', onAbort, { once: true })
  socket.once('connect', () => {
    socket.destroy()
    resolve()
  })
  socket.once('error', reject)
  return promise.finally(() => limited.removeEventListener('abort', onAbort))
}
