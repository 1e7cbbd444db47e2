// Room in memory for packs on their way through the relay, shared by all transfers: whoever wants to bring or fetch a pack takes its bytes first,
// and waits in line while there are none left. Each transfer has one pack in the line at a time, so all get turns alike, however many there are.
//
// Invariants: what was taken never exceeds the bound by more than a pack; whoever keeps others waiting and doesn't move on is sent away.

import type { Clock } from '../src/clock.ts'

interface Waiting {
  readonly seat: RoomSeat
  readonly bytes: number
  readonly go: () => void
}

export class Room {
  readonly #bytesMax: number
  readonly #patienceMs: number
  readonly #clock: Clock
  readonly #line: Waiting[] = []
  readonly #seats = new Set<RoomSeat>()
  #takenBytes = 0
  #isWatching = false

  /** `patienceMs`: how long a transfer may hold room without moving on while others wait. */
  constructor({ bytesMax, patienceMs, clock }: { bytesMax: number; patienceMs: number; clock: Clock }) {
    this.#bytesMax = bytesMax
    this.#patienceMs = patienceMs
    this.#clock = clock
  }

  get takenBytes(): number {
    return this.#takenBytes
  }

  get waiting(): number {
    return this.#line.length
  }

  /** A transfer's seat, until it is disposed. `onSlow` ends the transfer: it keeps others waiting. */
  seat(onSlow: () => void): RoomSeat {
    const seat = new RoomSeat(this, onSlow, this.#clock.monotonicMs())
    this.#seats.add(seat)
    return seat
  }

  /** For seats: true when there is room now, else `go` is called when there is. */
  take(seat: RoomSeat, bytes: number, go: () => void): boolean {
    if (this.#line.length === 0 && this.#hasRoom(bytes)) {
      this.#give(seat, bytes)
      return true
    }
    this.#line.push({ seat, bytes, go })
    this.#watch()
    return false
  }

  /** For seats: bytes are free again. */
  free(bytes: number): void {
    this.#takenBytes -= bytes
    this.#advance()
  }

  leave(seat: RoomSeat): void {
    this.#seats.delete(seat)
    const at = this.#line.findIndex((each) => each.seat === seat)
    if (at >= 0) this.#line.splice(at, 1)
    this.#advance()
  }

  #hasRoom(bytes: number): boolean {
    return this.#takenBytes === 0 || this.#takenBytes + bytes <= this.#bytesMax
  }

  #give(seat: RoomSeat, bytes: number): void {
    // From here on it is measured how long it takes.
    if (seat.heldBytes === 0) seat.movedMs = this.#clock.monotonicMs()
    this.more(seat, bytes)
  }

  /** For seats: what was taken turned out to be more. */
  more(seat: RoomSeat, bytes: number): void {
    this.#takenBytes += bytes
    seat.heldBytes += bytes
  }

  #advance(): void {
    for (let next = this.#line[0]; next !== undefined && this.#hasRoom(next.bytes); next = this.#line[0]) {
      this.#line.shift()
      this.#give(next.seat, next.bytes)
      next.go()
    }
  }

  /** While somebody waits, those that hold room have to move on. */
  #watch(): void {
    if (this.#isWatching) return
    this.#isWatching = true
    this.#clock.after(this.#patienceMs / 2, () => {
      this.#isWatching = false
      if (this.#line.length === 0) return
      const nowMs = this.#clock.monotonicMs()
      for (const seat of this.#seats) if (seat.heldBytes > 0 && nowMs - seat.movedMs > this.#patienceMs) seat.tooSlow()
      if (this.#line.length > 0) this.#watch()
    })
  }
}

export class RoomSeat implements Disposable {
  readonly #room: Room
  readonly #onSlow: () => void
  heldBytes = 0
  /** When it was given room last, or gave some back. */
  movedMs: number
  #isOver = false

  constructor(room: Room, onSlow: () => void, nowMs: number) {
    this.#room = room
    this.#onSlow = onSlow
    this.movedMs = nowMs
  }

  /** True when the bytes may come now, else `go` is called when they may. */
  take(bytes: number, go: () => void): boolean {
    return this.#isOver || this.#room.take(this, bytes, go)
  }

  /** What was taken turned out to be more. */
  given(bytes: number): void {
    if (!this.#isOver) this.#room.more(this, bytes)
  }

  /** So many bytes are not in memory any more. */
  free(bytes: number, nowMs: number): void {
    const freed = Math.min(bytes, this.heldBytes)
    this.heldBytes -= freed
    this.movedMs = nowMs
    if (freed > 0) this.#room.free(freed)
  }

  tooSlow(): void {
    this.#onSlow()
  }

  /** The transfer is over and holds nothing any more. */
  [Symbol.dispose](): void {
    if (this.#isOver) return
    this.#isOver = true
    const held = this.heldBytes
    this.heldBytes = 0
    this.#room.leave(this)
    if (held > 0) this.#room.free(held)
  }
}
