// How hot a key is, as Redis counts it. Under an LFU policy a counter that grows with the logarithm of the accesses and falls with time; else the time
// of the last access. Scores are whole numbers, the higher the hotter.

import type { Form } from '../keyed/records.ts'

export interface Hotness {
  /** The subcommand of OBJECT that tells it without touching the key. */
  readonly subcommand: 'FREQ' | 'IDLETIME'
  /** From what the server says now, and the score before (0 for none). */
  score(said: number, before: number, nowMs: number): number
  /** How likely a key is to be read soon, up to a factor. */
  weight(score: number, nowMs: number): number
  /** How a string of this score travels: as it is, or dumped, which costs both servers more and keeps its hotness. */
  form(score: number): Form
  /** What a record's head says. */
  told(score: number): number
}

/** What a new key's counter starts with (LFU_INIT_VAL). A key that came by SET has it. */
const newKeysCounter = 5
/** Accesses for the n-th step of the counter above that: n times this, with Redis' own lfu-log-factor. */
const logFactor = 10
/** Counters are averaged over the censuses, in this fraction. */
const scale = 16

/** Counters of keys that are seldom read all lie at 5 or 6: their averages over time still tell them apart. */
export const byFrequency: Hotness = {
  subcommand: 'FREQ',
  score: (said, before) => (before === 0 ? said * scale : Math.round((3 * before + said * scale) / 4)),
  weight(score) {
    const above = score / scale - newKeysCounter
    // The accesses that it takes on average to get there; below, less than one.
    return above <= 0 ? (1 + score / scale) / (1 + newKeysCounter) : 1 + above + (logFactor / 2) * above * Math.max(0, above - 1)
  },
  form: (score) => (score >= scale * (newKeysCounter + 1.5) ? 'frequency' : 'value'),
  told: (score) => Math.min(255, Math.round(score / scale)),
}

/** Re-reference intervals are about as long as the time since the last access; within a minute no difference is known. */
export const byIdleTime: Hotness = {
  subcommand: 'IDLETIME',
  score: (said, _before, nowMs) => Math.max(1, Math.floor(nowMs / 1000) - said),
  weight: (score, nowMs) => 60 / (60 + Math.max(0, nowMs / 1000 - score)),
  form: () => 'idle',
  told: (score) => score,
}

export function hotnessOf(policy: string): Hotness {
  return policy.endsWith('-lfu') ? byFrequency : byIdleTime
}
