// What the lanes that are up, or may come up, can move until the time is over: the budget of a plan.
//
// Two channels work side by side: directly to the successor, from when it is there, and into the relay's store. All lanes take from the head of one
// plan, so nothing is held back for a lane that isn't up; what is told here is how far the plan will get.

import type { LaneKind } from '../lane/lane.ts'
import type { Ms } from '../units.ts'
import type { Capacity } from './bound.ts'

export interface Channel {
  readonly lane: LaneKind
  /** Measured, or assumed before anything was. */
  readonly bytesPerSecond: number
  /** From now; 0 for a lane that is up. */
  readonly upAfterMs: Ms
  /** That it comes up by then, and that what it carries is of use: 1 for a lane that is up. */
  readonly likelihood: number
}

export interface ChannelCapacity extends Capacity {
  readonly lane: LaneKind
}

/** What each channel moves in so long, and no more than `bytesMax` in all: the likeliest keep theirs. */
export function capacitiesOf(channels: readonly Channel[], leftMs: Ms, bytesMax = Infinity): ChannelCapacity[] {
  let room = bytesMax
  return channels
    .toSorted((a, b) => b.likelihood - a.likelihood)
    .map(({ lane, bytesPerSecond, upAfterMs, likelihood }) => {
      const bytes = Math.min(room, (Math.max(0, leftMs - upAfterMs) / 1000) * bytesPerSecond)
      room -= bytes
      return { lane, bytes, likelihood }
    })
}

/** A second channel is given up when what is left fits the first one's time with so much to spare: near the border it would come and go. */
const spareShare = 0.25

/**
 * Whether what is left doesn't go through one channel in the time that is left, so that a second one is worth using beside it (Chambliss: two
 * channels under one time budget).
 */
export function needsBoth({ bytes, leftMs, bytesPerSecond, isInUse }: Need): boolean {
  const fitting = (leftMs / 1000) * bytesPerSecond
  return bytes > (isInUse ? 1 - spareShare : 1) * fitting
}

export interface Need {
  readonly bytes: number
  readonly leftMs: Ms
  /** Of the first channel. */
  readonly bytesPerSecond: number
  /** The second one is in use already. */
  readonly isInUse: boolean
}

/**
 * How recorded replacements of reclaimed spot VMs came up: 8 of 221 within two minutes, half after 578 s, nine of ten after 3332 s.
 * Between these points the share grows with the logarithm of the time.
 */
const arrivals: readonly (readonly [ms: Ms, share: number])[] = [
  [10_000, 0],
  [120_000, 8 / 221],
  [578_000, 0.5],
  [3_332_000, 0.9],
  [20_000_000, 1],
]

/** How likely a successor that isn't there yet is up within so long, when nothing else is known of it. */
export function arrivalLikelihood(withinMs: Ms): number {
  const after = arrivals.findIndex(([ms]) => withinMs < ms)
  if (after === 0) return 0
  if (after < 0) return 1
  const [fromMs, from] = arrivals[after - 1]!
  const [toMs, to] = arrivals[after]!
  return from + ((to - from) * Math.log(withinMs / fromMs)) / Math.log(toMs / fromMs)
}
