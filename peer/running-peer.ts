// What a program that embeds a peer holds of it.

import type { PeerEvent } from './events.ts'
import type { HandoffProgress, HandoffResult } from './result.ts'
import type { Warm } from './warm.ts'

export interface PeerOptions {
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
