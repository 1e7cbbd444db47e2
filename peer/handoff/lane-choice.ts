// Which lanes take packs now. The heir is preferred to the store: while a direct lane is up, the store takes packs only when what is left doesn't go
// through that lane in time; then both work side by side, each pack on one of them. The rates that this rests on are measured here.

import type { Clock } from '../../src/clock.ts'
import type { Deadline } from '../../src/deadline.ts'
import type { LaneKind, SendingLane } from '../../src/lane/lane.ts'
import { arrivalLikelihood, capacitiesOf, needsBoth, type Channel, type ChannelCapacity } from '../../src/plan/channels.ts'
import type { Plan } from '../../src/plan/plan.ts'
import { placeOf, type Dispatcher, type Place } from '../../src/transfer/dispatcher.ts'
import type { HeirFollower } from './heir-follower.ts'
import { budgetOf, type HandoffOptions } from './options.ts'
import { RateMeter } from './rate-meter.ts'

export interface LaneChoiceOptions {
  readonly clock: Clock
  readonly dispatcher: Dispatcher
  readonly heir: Pick<HeirFollower, 'exists' | 'isInGrace'>
  /** In order of preference. */
  readonly lanes: readonly LaneKind[]
  /** When packs stop. */
  readonly until: Deadline
  /** Of all lanes together, before anything was measured; and what the policy allows at most. */
  readonly assumedBytesPerSecond: number
  readonly mostBytesPerSecond: number | undefined
  readonly bytesMax: number | undefined
  /** The store begins to work beside a direct lane, or ends to. */
  readonly onBoth: (both: boolean, rates: Readonly<Record<Place, number>>) => void
}

export class LaneChoice {
  readonly #options: LaneChoiceOptions
  readonly #meters: Readonly<Record<Place, RateMeter>>
  #usesBoth = false

  constructor(options: LaneChoiceOptions) {
    this.#options = options
    this.#meters = { heir: new RateMeter(options.clock), store: new RateMeter(options.clock) }
  }

  /** A pack was put on a lane. */
  sent({ kind }: SendingLane): void {
    this.#meters[placeOf(kind)].began()
  }

  /** So many bytes of packs of a lane were acknowledged. */
  acknowledged({ kind }: SendingLane, bytes: number): void {
    const place = placeOf(kind)
    this.#meters[place].acknowledged(bytes, this.#options.dispatcher.isFlyingTo(place))
  }

  /** Before a round of packs: so many bytes of the plan are left. */
  look(bytesLeft: number): void {
    const { dispatcher, lanes, until, onBoth, mostBytesPerSecond = Infinity } = this.#options
    const isDirect = dispatcher.reaches('heir') || this.#options.heir.isInGrace
    const bytesPerSecond = this.#rateTo('heir')
    const need = { bytes: bytesLeft, leftMs: until.leftMs, bytesPerSecond, isInUse: this.#usesBoth }
    // A direct lane that is as fast as the policy allows leaves nothing to win.
    const both = isDirect && lanes.includes('store') && bytesPerSecond < 0.9 * mostBytesPerSecond && needsBoth(need)
    if (both === this.#usesBoth) return
    this.#usesBoth = both
    onBoth(both, { heir: bytesPerSecond, store: this.#rateTo('store') })
  }

  readonly allowed = (kind: LaneKind, lane: SendingLane, bytes: number): boolean => {
    const { dispatcher, heir, lanes } = this.#options
    // What goes through the relay takes its bandwidth, which others need.
    if (kind === 'circuit') return !dispatcher.isUp('fast') && !dispatcher.isUp('stream')
    if (kind === 'stream') return !dispatcher.isUp('fast') || lanes.indexOf('stream') < lanes.indexOf('fast')
    if (kind !== 'store') return true
    if (!dispatcher.reaches('heir') && !heir.isInGrace) return true
    if (this.#isStoreFirst) return true
    return this.#usesBoth && this.#arrivesInTime(lane, bytes)
  }

  /** How much the lanes will have moved in the end, by what is known now; so much is safe already, by the likeliest. */
  foreseen(safeBytes: number): ChannelCapacity[] {
    const { until, bytesMax } = this.#options
    const capacities = capacitiesOf(this.#channels(), until.leftMs, bytesMax)
    return capacities.map((each, index) => (index === 0 ? { ...each, bytes: each.bytes + safeBytes } : each))
  }

  /** What the lanes can move from now on: while no heir is there the store takes all, and without a store it is a matter of whether one comes in time. */
  #channels(): Channel[] {
    const { dispatcher, heir, lanes, until } = this.#options
    const direct = lanes.find((kind) => placeOf(kind) === 'heir')
    const isHere = dispatcher.reaches('heir') || heir.exists
    const channel = (lane: LaneKind, likelihood = 1): Channel[] => [
      { lane, bytesPerSecond: this.#rateTo(placeOf(lane)), upAfterMs: 0, likelihood },
    ]
    if (direct === undefined) return channel('store')
    if (isHere) return [...channel(direct), ...(this.#usesBoth ? channel('store') : [])]
    return lanes.includes('store') ? channel('store') : channel(direct, arrivalLikelihood(until.leftMs))
  }

  /** The operator prefers the store to every direct lane. */
  get #isStoreFirst(): boolean {
    const { lanes } = this.#options
    return lanes.find((kind) => this.#options.dispatcher.isUp(kind)) === 'store'
  }

  /** On the slower of two lanes what is best could be underway when the time is over. */
  #arrivesInTime({ inFlightBytes }: SendingLane, bytes: number): boolean {
    const rate = this.#meters.store.bytesPerSecond
    return rate === undefined || inFlightBytes + bytes <= (rate * this.#options.until.leftMs) / 1000
  }

  #rateTo(place: Place): number {
    return this.#meters[place].bytesPerSecond ?? this.#options.assumedBytesPerSecond
  }
}

/** As a handoff has it. */
export function laneChoiceOf(
  options: HandoffOptions,
  of: Pick<LaneChoiceOptions, 'dispatcher' | 'heir' | 'until'> & { readonly handoffHex: string },
): LaneChoice {
  const { clock, limits, events, allowance } = options
  // What is allowed to all is expected to be shared evenly.
  const own = (of: number | undefined) => of && of / (allowance?.sharers ?? 1)
  return new LaneChoice({
    ...of,
    clock,
    lanes: limits.lanes,
    assumedBytesPerSecond: own(budgetOf(options).rateBytesPerSecond)!,
    mostBytesPerSecond: own(limits.rateBytesPerSecondMax),
    bytesMax: own(limits.bytesMax),
    onBoth: (both, { heir, store }) =>
      events.emit('side-by-side', { handoff: of.handoffHex, both, heirBytesPerSecond: heir, storeBytesPerSecond: store }),
  })
}

/** What is to go or has gone, by what is known now. */
export function plannedBytes(plan: Plan): number {
  return plan.sources().reduce((sum, { index }) => sum + plan.goingBytes(index), 0)
}
