// What a predecessor offers, and how an heir ends.

import type { Wish } from '../src/plan/rank-successors.ts'
import type { ForeignClaim } from './claim-order.ts'
import type { Ahead } from './store/store.ts'

export interface Offering {
  readonly header: Uint8Array
  /** How long to keep what nobody claims. */
  readonly keepMs: number
  readonly nowMs: number
  /** It was begun ahead of any notice, and may still stand so. */
  readonly ahead?: Ahead
  /** What is known of the state, for choosing an heir. */
  readonly wish?: Wish
  /** The highest claim that its predecessor has heard of, if another relay gave it. */
  readonly claimed?: ForeignClaim | undefined
}

export interface Finishing {
  readonly epoch: number
  /** Another may have it. */
  readonly released: boolean
  /** The claim that stands above this one at another relay: why it was given back. */
  readonly above?: ForeignClaim | undefined
  readonly nowMs: number
}
