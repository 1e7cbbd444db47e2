// An agent as whoever started it sees it: what it is doing, how it ended, and how to end it.

import type { PeerEvent } from './events.ts'
import type { HandoffProgress, HandoffResult } from './result.ts'
import type { PartOf } from './split/partition.ts'
import { warmOf, type Warm } from './warm.ts'
import type { Warming } from './warming.ts'

export interface PeerOptions {
  /** Whose each key of a divided state is (`policy.split`): the application's own ring. Undefined, or no part of it: as configured. */
  readonly partOf?: PartOf
  readonly onProgress?: (progress: HandoffProgress) => void
  readonly onEvent?: (event: PeerEvent) => void
}

/** The agent of a VM while it runs. Disposing it ends it without handing anything off; a handoff under way is finished first. */
export interface RunningPeer extends AsyncDisposable {
  readonly peerId: string
  /** What it has handed off; undefined when it was disposed before. Rejects with what made it impossible to go on. */
  readonly ended: Promise<HandoffResult | undefined>
  /** Why it counts as ready (policy.ready_at), or undefined. */
  ready(): string | undefined
  /** As the local API tells it (CONTRACT: `GET /v1/status`). */
  status(): object
  /** The receipt as JSON text: of its own handoff, before that of the one it inherited; undefined before there is one. */
  receipt(): string | undefined
  /** What an application that runs in this process may ask for while it warms. */
  warm(source: string): Warm
  /** Hands off now, within `deadlineMs`. A second call while it is under way gets the same handoff. */
  handOff(notice: { readonly reason: string; readonly deadlineMs: number }): Promise<HandoffResult>
}

type Agent = Pick<RunningPeer, 'ready' | 'status' | 'receipt' | 'handOff'> & {
  readonly warming: Warming
  run(): Promise<HandoffResult | undefined>
  stop(): void
}

/** Runs to the end; what the agent holds is closed before anybody hears of it. */
async function runAndClose(agent: Agent, owned: AsyncDisposableStack): Promise<HandoffResult | undefined> {
  try {
    return await agent.run()
  } finally {
    await owned.disposeAsync()
  }
}

/** The handle of an agent that has begun to run; `owned` is closed with it. */
export function running(agent: Agent, peerId: string, owned: AsyncDisposableStack): RunningPeer {
  const ended = runAndClose(agent, owned)
  // Whoever doesn't ask how it ended isn't told.
  ended.catch(() => {})
  return {
    peerId,
    ended,
    ready: () => agent.ready(),
    status: () => agent.status(),
    receipt: () => agent.receipt(),
    warm: (source) => warmOf(agent.warming, source),
    handOff: (notice) => agent.handOff(notice),
    async [Symbol.asyncDispose]() {
      agent.stop()
      await ended.catch(() => {})
    },
  }
}
