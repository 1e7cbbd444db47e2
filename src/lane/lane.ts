// The port of a lane, as whoever sends sees it: a way to move sealed packs to one place, with credit and acknowledgement.
// Contract suite: test/contract/lane.ts.

import type { HeirloomError } from '../errors.ts'
import type { ChunkAnswer, DemandMessage } from '../transfer/demand.ts'
import type { EndMessage } from '../transfer/messages.ts'
import type { PackSet } from '../wire/pack-set.ts'
import type { SealedPack } from '../wire/sealed-pack.ts'

/** In the order of preference that a policy without another one has. */
export const laneKinds = ['fast', 'stream', 'circuit', 'store'] as const

export type LaneKind = (typeof laneKinds)[number]

export interface LaneEvents {
  /** The other side has these for good. */
  acknowledged(numbers: readonly number[]): void
  /** The lane may take another pack. */
  room(): void
  /** The other side wants these before all others. */
  demanded(demand: DemandMessage): void
  /** The lane is over; what was in flight and not acknowledged is to be given to others. Called once, last. */
  closed(error: HeirloomError | undefined, inFlight: readonly number[]): void
}

export interface SendingLane {
  readonly kind: LaneKind
  /** What the other side has for good, grows with its acknowledgements. A live view. */
  readonly have: PackSet
  /** Packs that were sent and are not acknowledged. */
  readonly inFlightBytes: number
  /** Whether credit and transport take a pack of this size now. */
  canSend(bytes: number): boolean
  /** Whether a pack that was demanded may go now: by one pack beyond the credit. */
  canHurry(): boolean
  /** Only after `canSend` or `canHurry` said so. The lane keeps the pieces until they are on the wire. */
  send(pack: SealedPack): void
  /** Says what is known of demanded chunks. */
  answer(chunks: readonly ChunkAnswer[]): void
  /** Says that nothing more will come; the lane stays open for acknowledgements. */
  end(message: EndMessage): void
  /** Gives back the memory of a pack that was sent here and acknowledged, and that nobody will need again. */
  free(pack: SealedPack): void
  /** Sends what is queued, then ends, without waiting for acknowledgements. Twice is once. A silent other side may hold it up. */
  close(): Promise<void>
  /** Drops what is queued and ends at once. */
  abort(error: HeirloomError): void
}
