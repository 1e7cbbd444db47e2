// Which pack takes which lane, without I/O. All lanes take from one log of packs, head first, each as fast as it drains.
// A lane that fails gives its packs back; nothing that some lane's other side has for good is sent again.
//
// Invariant: every pack is in exactly one state: queued, in flight on one lane, or safe (at the heir, at the store, or both).

import type { LaneKind, SendingLane } from '../lane/lane.ts'
import { PackSet } from '../wire/pack-set.ts'
import type { SealedPack } from '../wire/sealed-pack.ts'

/** A pack that can go, and by which lane. */
export interface Departure {
  readonly lane: SendingLane
  readonly pack: SealedPack
  /** It has what the heir demands. */
  readonly isUrgent: boolean
}

/** Where a lane's packs end up. */
export type Place = 'heir' | 'store'

export function placeOf(kind: LaneKind): Place {
  return kind === 'store' ? 'store' : 'heir'
}

export interface LaneTally {
  packs: number
  bytes: number
}

export class Dispatcher {
  readonly #lanes: SendingLane[] = []
  readonly #order: readonly LaneKind[]
  /** Packs to send, lowest number first: what lanes gave back goes before what is new. */
  #queued: SealedPack[] = []
  /** Packs with what the heir demands. They go before all others, by whichever lane to it has least to do: through the relay only where there is no other. */
  #urgent: SealedPack[] = []
  /** In flight: kept so that it can be given back. */
  readonly #flying = new Map<number, { pack: SealedPack; lane: SendingLane }>()
  readonly #safe: Record<Place, PackSet> = { heir: new PackSet(), store: new PackSet() }
  /** Numbers that were sent once, to tell what is sent again. */
  readonly #sentOnce = new PackSet()
  readonly #sentAgain = new PackSet()
  readonly tallies = new Map<LaneKind, LaneTally>()
  resentBytes = 0

  constructor(order: readonly LaneKind[]) {
    this.#order = order
  }

  add(pack: SealedPack): void {
    this.#queued.push(pack)
  }

  addUrgent(pack: SealedPack): void {
    this.#urgent.push(pack)
  }

  /** A pack that waits to be sent is demanded; answers whether there is one. */
  hurry(number: number): boolean {
    const at = this.#queued.findIndex((pack) => pack.number === number)
    if (at >= 0) this.#urgent.push(...this.#queued.splice(at, 1))
    return at >= 0 || this.#urgent.some((pack) => pack.number === number)
  }

  /** Packs with what was demanded that wait for a lane. */
  get urgentPacks(): number {
    return this.#urgent.length
  }

  isFlying(number: number): boolean {
    return this.#flying.has(number)
  }

  get queuedPacks(): number {
    return this.#queued.length + this.#urgent.length
  }

  get flyingPacks(): number {
    return this.#flying.size
  }

  /** Sealed bytes that were acknowledged, by whichever lane. */
  get movedBytes(): number {
    return this.tallies.values().reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Whether a lane to that place has something in flight. */
  isFlyingTo(place: Place): boolean {
    return this.#flying.values().some(({ lane }) => placeOf(lane.kind) === place)
  }

  /** Whether a lane to that place is up. */
  reaches(place: Place): boolean {
    return this.#lanes.some((lane) => placeOf(lane.kind) === place)
  }

  isUp(kind: LaneKind): boolean {
    return this.#lanes.some((lane) => lane.kind === kind)
  }

  isSafe(number: number): boolean {
    return this.#safe.heir.has(number) || this.#safe.store.has(number)
  }

  has(place: Place, number: number): boolean {
    return this.#safe[place].has(number)
  }

  /** A lane is up. What its other side has already needn't be sent any more; answers those numbers that are safe only now. */
  laneUp(lane: SendingLane): number[] {
    this.#lanes.push(lane)
    this.#lanes.sort((a, b) => this.#order.indexOf(a.kind) - this.#order.indexOf(b.kind))
    const safe = this.#settle(placeOf(lane.kind), lane.have)
    this.#queued = this.#queued.filter((pack) => !this.isSafe(pack.number))
    this.#urgent = this.#urgent.filter((pack) => !this.isSafe(pack.number))
    return safe
  }

  /** A lane is over; what was in flight on it is queued again, in its place. */
  laneDown(lane: SendingLane): void {
    const at = this.#lanes.indexOf(lane)
    if (at >= 0) this.#lanes.splice(at, 1)
    const back = [...this.#flying.values()].filter((flight) => flight.lane === lane).map((flight) => flight.pack)
    for (const pack of back) this.#flying.delete(pack.number)
    this.#queued = [...back, ...this.#queued].sort((a, b) => a.number - b.number)
  }

  /** The other side of a lane has these for good; answers those that are safe only now. */
  acknowledged(lane: SendingLane, numbers: readonly number[]): number[] {
    for (const number of numbers) {
      const flight = this.#flying.get(number)
      if (flight?.lane !== lane) continue
      const tally = this.tallies.get(lane.kind) ?? { packs: 0, bytes: 0 }
      this.tallies.set(lane.kind, { packs: tally.packs + 1, bytes: tally.bytes + flight.pack.bytes })
      // It went once, and has arrived: nobody will need it again, and no other lane holds anything of it.
      if (!this.#sentAgain.has(number)) lane.free(flight.pack)
    }
    return this.#settle(placeOf(lane.kind), numbers)
  }

  /** The holder of these is gone for good (an heir that died, a store that lost its disk). */
  forget(place: Place): number[] {
    const lost = [...this.#safe[place]].filter((number) => !this.#safe[place === 'heir' ? 'store' : 'heir'].has(number))
    this.#safe[place] = new PackSet()
    return lost
  }

  /** The next pack that can go, and by which lane; `allowed` says which lanes may take so many bytes now. */
  next(allowed: (kind: LaneKind, lane: SendingLane, bytes: number) => boolean): Departure | undefined {
    const hurried = this.#nextUrgent()
    if (hurried !== undefined) return hurried
    const pack = this.#queued[0]
    if (pack === undefined) return undefined
    const lane = this.#lanes.find((lane) => allowed(lane.kind, lane, pack.bytes) && lane.canSend(pack.bytes))
    return lane && { lane, pack, isUrgent: false }
  }

  /** Notes what `next` answered as in flight. The caller sends it. */
  sent({ lane, pack }: Departure): void {
    if (this.#urgent[0] === pack) this.#urgent.shift()
    else this.#queued.shift()
    this.#flying.set(pack.number, { pack, lane })
    if (this.#sentOnce.has(pack.number)) {
      this.resentBytes += pack.bytes
      this.#sentAgain.add(pack.number)
    } else this.#sentOnce.add(pack.number)
  }

  /** Lanes with something in flight, for whoever watches for stalls. */
  lanes(): readonly SendingLane[] {
    return this.#lanes
  }

  #nextUrgent(): Departure | undefined {
    const [pack] = this.#urgent
    if (pack === undefined) return undefined
    const direct = this.#lanes.filter(({ kind }) => placeOf(kind) === 'heir')
    if (direct.length === 0) {
      // Whoever demanded it can't be reached any more: it goes as any other.
      this.#queued = [...this.#urgent.splice(0), ...this.#queued].sort((a, b) => a.number - b.number)
      return undefined
    }
    const short = direct.filter(({ kind }) => kind !== 'circuit')
    const lane = (short.length > 0 ? short : direct).filter((each) => each.canHurry()).sort((a, b) => a.inFlightBytes - b.inFlightBytes)[0]
    return lane && { lane, pack, isUrgent: true }
  }

  #settle(place: Place, numbers: Iterable<number>): number[] {
    const fresh: number[] = []
    for (const number of numbers) {
      if (!this.isSafe(number)) fresh.push(number)
      this.#safe[place].add(number)
      this.#flying.delete(number)
    }
    return fresh
  }
}
