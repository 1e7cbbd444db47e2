// What a step of the rendezvous asks of whoever carries it out. One outcome is about one handoff.
//
// Invariant: the record is saved before anything else of the outcome, and before any later outcome of the same handoff, is let out.

import type { HandoffKey, HandoffRecord } from './store/store.ts'

/** What an heir is told of its handoff. */
export interface AssignmentNews {
  readonly record: HandoffRecord
  /** Where the predecessor may be reached. */
  readonly addresses: readonly string[]
  /** More packs may come. */
  readonly live: boolean
}

/** What a predecessor is told of its heir. */
export interface HeirNews {
  readonly peer: string
  readonly epoch: number
  readonly addresses: readonly string[]
  /** The relay that gave the epoch, if it is another one. */
  readonly assignedBy?: string
}

export type Note =
  | { readonly to: string; readonly kind: 'assigned'; readonly assignment: AssignmentNews }
  | {
      readonly to: string
      readonly kind: 'heir-changed'
      readonly record: HandoffRecord
      readonly heir: HeirNews | undefined
      readonly finished: boolean
    }
  | { readonly to: string; readonly kind: 'fenced'; readonly record: HandoffRecord }

/** What a peer is told before it has anything to do with a handoff: its heir, if it offered one now. */
export interface Expectation {
  readonly to: string
  readonly heir: { readonly peer: string; readonly addresses: readonly string[] } | undefined
}

/** To be done in this order: save or delete the record, answer and tell, drop the packs. */
export interface Outcome {
  readonly key: HandoffKey
  save: HandoffRecord | undefined
  /** Delete the record. */
  forget: boolean
  /** Drop the packs. */
  drop: boolean
  notes: Note[]
}

export function emptyOutcome(key: HandoffKey): Outcome {
  return { key, save: undefined, forget: false, drop: false, notes: [] }
}

export function isEmpty({ save, forget, drop, notes }: Outcome): boolean {
  return save === undefined && !forget && !drop && notes.length === 0
}
