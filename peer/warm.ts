// What an application asks its peer for while its state is still coming: chunks ahead of their turn, and leave to go to its origin. The peer is
// in the same process, or an agent on this machine that answers the local API.

import { Agent, request } from 'undici'
import { errorFromStatus, HeirloomError } from '../src/errors.ts'
import { agentAnswerBytesMax } from '../src/limits/agent.ts'
import type { DemandOutcome } from './inherit/demands.ts'
import type { Grant } from './miss-budget.ts'
import type { Warming } from './warming.ts'

export interface WarmOptions {
  /** How long to wait. Without it: as the peer's policy says (`demand.within`). */
  readonly withinMs?: number
  readonly signal?: AbortSignal
}

export interface Warm {
  /** Whether the chunk is restored now: it was, or has come ahead of its turn. False: go to the origin. */
  get(id: string, options?: WarmOptions): Promise<boolean>
  /** The same for many: those that are restored, those that won't come, those that didn't come in time. */
  getAll(ids: readonly string[], options?: WarmOptions): Promise<DemandOutcome>
  /** How many of so many misses may go to the origin now (policy: `misses`), and when the next may. */
  takeMisses(count?: number): Promise<Grant>
}

export function warmOf(warming: Warming, source: string): Warm {
  const getAll: Warm['getAll'] = (ids, { withinMs, signal = new AbortController().signal } = {}) =>
    warming.demand({ source, ids, ...(withinMs !== undefined && { withinMs }) }, signal)
  return { getAll, get: one(getAll), takeMisses: async (count = 1) => warming.takeMisses(count) }
}

/**
 * An agent on this machine: `place` is `unix:/run/heirloom/peer.sock` or `http://host:port`, `source` the name in its manifest. Calls throw
 * `link-lost` when no agent answers, and what it refuses with. Dispose it when the application ends.
 */
export function connectWarm(place: string, source: string): Warm & AsyncDisposable {
  const socketPath = place.startsWith('unix:') ? place.slice('unix:'.length) : undefined
  const origin = socketPath === undefined ? place.replace(/\/$/, '') : 'http://agent'
  // The agent answers within its own bound.
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0, connect: socketPath === undefined ? {} : { socketPath } })
  const post = async <Answer>(path: string, body: object, signal?: AbortSignal): Promise<Answer> => {
    const call = { method: 'POST' as const, dispatcher, body: JSON.stringify(body), ...(signal && { signal }) }
    const { statusCode, body: answer } = await request(`${origin}${path}`, call).catch((thrown: unknown) => {
      signal?.throwIfAborted()
      throw new HeirloomError('link-lost', `no agent answers at ${place}`, { cause: thrown, hint: 'is `heirloom peer` running?' })
    })
    const text = await answer.text()
    if (text.length > agentAnswerBytesMax) throw new HeirloomError('too-large', `the agent at ${place} answered too much`)
    const value = JSON.parse(text) as Answer & { status?: unknown; message?: unknown }
    if (statusCode >= 300) throw errorFromStatus(Number(value.status), String(value.message))
    return value
  }
  const getAll: Warm['getAll'] = (chunks, { withinMs, signal } = {}) => post('/v1/demand', { source, chunks, withinMs }, signal)
  return {
    getAll,
    get: one(getAll),
    takeMisses: (count = 1) => post('/v1/misses', { count }),
    [Symbol.asyncDispose]: () => dispatcher.destroy(),
  }
}

function one(getAll: Warm['getAll']): Warm['get'] {
  return async (id, options) => (await getAll([id], options)).restored.length === 1
}
