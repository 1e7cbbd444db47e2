// A handoff of a simulated machine, from its notice to its end.

import type { HandoffLimits } from '../../peer/handoff/options.ts'
import type { HandoffResult } from '../../peer/result.ts'
import type { Deadline } from '../../src/deadline.ts'
import type { Process } from './process.ts'

export interface NoticePlan {
  readonly deadlineMs: number
  readonly limits: HandoffLimits
}

/** A handoff that is under way on some machine. */
export interface RunningHandoff {
  readonly process: Process
  readonly deadline: Deadline
  readonly limits: HandoffLimits
  readonly stoppedBeforeMs: number
  result: HandoffResult | undefined
  /** It ended without a result: what it could not read of its own state says why. */
  hasEnded: boolean
}
