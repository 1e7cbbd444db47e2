// Watches the frames of one transfer, as they are sent and as they arrive: credit, acknowledgements, epochs, what is in the relay's memory.

import { packTagBytes } from '../../src/lane/pack-tags.ts'
import { circuitWindowBytes, windowBytes } from '../../src/limits/lane.ts'
import { readRoomBytes } from '../../src/limits/relay.ts'
import { packBytesMax } from '../../src/limits/wire.ts'
import { packNumber } from '../../src/seal/pack-seal.ts'
import { readDemand, type DemandMessage } from '../../src/transfer/demand.ts'
import { readAcknowledge, readEnd, readFailure, readHello, readWelcome, type DataOfferMessage } from '../../src/transfer/messages.ts'
import { frameType, type Frame } from '../../src/wire/frame.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import type { HandoffTruth } from './handoff-truth.ts'
import type { OpeningStream, SimulatedNode } from './network.ts'
import type { SimulatedStream } from './stream.ts'
import type { WireEvents } from './wire-watch.ts'

export class TransferWatch {
  readonly #events: WireEvents
  readonly #opener: SimulatedNode
  readonly #acceptor: SimulatedNode
  readonly #near: SimulatedStream
  readonly #far: SimulatedStream
  /** Through a relay. */
  readonly isRelayed: boolean
  /** Since when the opener knows that it is welcome. */
  #upSinceMs = Infinity
  #truth: HandoffTruth | undefined
  #epoch = 0
  /** The opener sends packs; else the acceptor does. */
  #openerSends = true
  /** What the sender knows of the receiver's credit, and what it has in flight. */
  #windowBytes = 0
  /** The largest window that it has known. */
  #creditBytes = 0
  readonly #inFlight = new Map<number, number>()
  readonly #has = new PackSet()
  /** What is at the receiver and not acknowledged, and the most that it allowed. */
  readonly #held = new Map<number, number>()
  #grantedBytes = 0

  constructor(events: WireEvents, { opener, acceptor, near, far, isRelayed }: OpeningStream) {
    this.#events = events
    this.#opener = opener
    this.#acceptor = acceptor
    this.#near = near
    this.#far = far
    this.isRelayed = isRelayed
  }

  /** The acceptor's end is open, as far as it knows. */
  get isOpen(): boolean {
    return this.#far.isOpen
  }

  /**
   * Bytes of packs that are in the relay's memory by this transfer, on their way in or out. Of a large pack what it is more than was expected isn't
   * counted: that is known when it is there.
   */
  relayBytes(relay: string, way: 'in' | 'out'): number {
    if (this.#acceptor.peerId !== relay || this.#openerSends !== (way === 'in')) return 0
    if (way === 'in') return sum(this.#held.values())
    return sum(this.#inFlight.values().map((bytes) => Math.min(bytes, readRoomBytes)))
  }

  /** For the same packs as another one, and before that could know of it up at the sender, without a relay between. */
  isBesides(other: TransferWatch): boolean {
    const isSame = this.#truth === other.#truth && this.#opener === other.#opener && this.#acceptor === other.#acceptor
    return isSame && !this.isRelayed && this.#near.isOpen && this.#upSinceMs < this.#events.nowMs()
  }

  get #receiver(): SimulatedNode {
    return this.#openerSends ? this.#acceptor : this.#opener
  }

  get #title(): string {
    const { nameOf } = this.#events
    const [from, to] = this.#openerSends ? [this.#opener, this.#acceptor] : [this.#acceptor, this.#opener]
    return `${nameOf(from.peerId)} → ${nameOf(to.peerId)}, ${this.#truth?.hex.slice(0, 6)}`
  }

  sent(frame: Frame, byOpener: boolean): void {
    if (!(byOpener ? this.#opener : this.#acceptor).process.alive) return
    switch (frame.type) {
      case frameType.hello: {
        const hello = readHello(frame)
        this.#truth = this.#events.truth(hello.handoff)
        this.#epoch = hello.epoch
        this.#openerSends = hello.role === 'sends'
        this.#offers(hello.data)
        if (!this.#openerSends) this.#tells(hello.have, hello.windowBytes)
        return this.#events.log(`${this.#title}: hello, epoch ${hello.epoch}`)
      }
      case frameType.welcome: {
        const { have, windowBytes: granted, data } = readWelcome(frame)
        this.#offers(data)
        if (this.#openerSends) this.#welcomes(have, granted)
        else this.#checkEpoch('a welcome')
        return
      }
      case frameType.pack:
        this.#packWritten(frame)
        return this.#packSent(frame)
      case frameType.acknowledge: {
        const { packs, windowBytes: granted } = readAcknowledge(frame)
        this.#grants(Math.max(this.#grantedBytes, granted))
        return this.#acknowledges(packs)
      }
      case frameType.end: {
        const { packs, closed } = readEnd(frame)
        const highest = Math.max(-1, ...(this.#truth?.sealed.keys() ?? []))
        if (closed && packs !== highest + 1)
          this.#violation('the end tells how many packs there are', `${packs}, the last one is ${highest}`)
        return this.#events.log(`${this.#title}: end${closed ? `, ${packs} packs in all` : ''}`)
      }
      case frameType.failure:
        return this.#events.log(`${this.#title}: failure, ${readFailure(frame).code}`)
      default:
        return
    }
  }

  arrived(frame: Frame, atOpener: boolean): void {
    const { type } = frame
    const atSender = atOpener === this.#openerSends
    if (type === frameType.hello && !this.#openerSends) this.#learns(readHello(frame))
    else if (type === frameType.welcome && this.#openerSends) {
      const welcome = readWelcome(frame)
      this.#learns(welcome)
      // A lane by a data socket is up when that is.
      if (welcome.data === undefined) this.#upSinceMs = this.#events.nowMs()
    } else if (type === frameType.acknowledge && atSender) {
      const { packs, windowBytes: granted } = readAcknowledge(frame)
      this.#allows(granted)
      for (const number of packs) {
        this.#inFlight.delete(number)
        this.#has.add(number)
      }
    } else if (type === frameType.pack && !atSender) this.#packArrived(frame)
    else if (type === frameType.demand && atSender) this.#demanded(readDemand(frame))
    if (type === frameType.failure && !atSender && readFailure(frame).code === 'fenced' && this.#truth !== undefined) {
      const { peerId } = this.#receiver
      this.#truth.fenced.set(peerId, Math.max(this.#epoch, this.#truth.fenced.get(peerId) ?? 0))
    }
  }

  #demanded({ chunks, packs }: DemandMessage): void {
    this.#truth?.demandedPacks.addAll(packs)
    for (const { source, ids } of chunks) for (const id of ids) this.#truth?.demandedChunks.add(`${source} ${id}`)
    this.#events.log(`${this.#title}: demands ${[...chunks.flatMap(({ ids }) => ids), ...packs].join(' ')}`)
  }

  #packArrived(frame: Frame): void {
    this.#held.set(packNumber(frame.body), frame.bytes)
    // On a lane that its receiver has ended nobody takes it.
    if (this.#openerSends && !this.#far.isOpen) return
    if (this.#truth !== undefined) this.#events.arrivedAt(this.#truth, this.#receiver.peerId, packNumber(frame.body))
  }

  /** The relay bounds what it is granted. */
  #bounded(bytes: number): number {
    return this.#openerSends ? bytes : Math.min(bytes, windowBytes)
  }

  #learns({ have, windowBytes: granted }: { have: PackSet; windowBytes: number }): void {
    this.#allows(granted)
    this.#has.addAll(have)
  }

  #allows(granted: number): void {
    this.#windowBytes = this.#bounded(granted)
    this.#creditBytes = Math.max(this.#creditBytes, this.#windowBytes)
  }

  #offers(data: DataOfferMessage | undefined): void {
    if (data === undefined) return
    const sender = () => (this.#openerSends ? this.#opener : this.#acceptor)
    this.#events.offersData(Buffer.from(data.token).toString('hex'), {
      tagBytes: data.key === undefined ? 0 : packTagBytes,
      packWritten: (frame) => sender().process.alive && this.#packWritten(frame),
      packSent: (frame) => sender().process.alive && this.#packSent(frame),
      packArrived: (frame) => this.#packArrived(frame),
    })
  }

  #grants(granted: number): void {
    this.#grantedBytes = granted
    if (this.isRelayed && granted > circuitWindowBytes)
      this.#violation("what waits in a relay's memory for a circuit is bounded", `${granted} bytes may come`)
  }

  #welcomes(have: PackSet, granted: number): void {
    this.#tells(have, granted)
    this.#truth?.welcomes({ heir: this.#acceptor.peerId, epoch: this.#epoch, isOpen: () => this.#far.isOpen })
  }

  #tells(have: PackSet, granted: number): void {
    this.#grants(granted)
    if (this.#truth === undefined) return
    const { peerId } = this.#receiver
    if (!this.#events.isRelay(peerId)) this.#events.heirHas(this.#truth, peerId, have)
    // What the other side says it has counts as acknowledged.
    for (const number of have) {
      if (this.#events.isRelay(peerId)) this.#events.storeAcknowledges(this.#truth, number, peerId)
      else this.#events.heirAcknowledges(this.#truth, peerId, number)
    }
  }

  /** What the sender knew when it gave the pack away decides: from then on it waits for its turn on the wire. */
  #packWritten(frame: Frame): void {
    const truth = this.#truth
    if (truth === undefined) return
    const number = this.#see(truth, frame)
    if (this.#has.has(number) || this.#inFlight.has(number)) this.#violation('what the other side has is not sent', `pack ${number}`)
    const inFlight = sum(this.#inFlight.values())
    // What was demanded may go by one pack beyond the largest there was.
    const isWithin = truth.isDemanded(number) ? inFlight <= this.#creditBytes : inFlight + frame.bytes <= this.#windowBytes
    if (this.#inFlight.size > 0 && !isWithin)
      this.#violation('no more is in flight than the credit', `${inFlight} + ${frame.bytes} of ${this.#windowBytes} bytes`)
    if (!this.#openerSends) this.#checkEpoch(`pack ${number}`)
    if (this.isRelayed && this.#events.hasDirect(this))
      this.#violation('packs take a circuit where there is no direct way', `pack ${number}`)
    this.#inFlight.set(number, frame.bytes)
  }

  #packSent(frame: Frame): void {
    const truth = this.#truth
    if (truth === undefined) return
    const number = this.#see(truth, frame)
    this.#events.log(`${this.#title}: pack ${number}, ${frame.bytes} bytes`)
  }

  /** The number of a pack, which is looked at. */
  #see(truth: HandoffTruth, frame: Frame): number {
    const number = packNumber(frame.body)
    const wrong = truth.see(number, frame.body[0]!)
    if (wrong !== undefined) this.#violation('a pack is what was sealed under its number', wrong)
    const stray = truth.strayIn(number)
    if (stray !== undefined) this.#violation('a chunk is in one part alone', stray)
    return number
  }

  #checkEpoch(what: string): void {
    const epochMax = this.#truth?.at(this.#acceptor.peerId).claim?.epoch ?? 0
    if (this.#epoch < epochMax)
      this.#violation('an heir with an old epoch gets nothing', `${what} for epoch ${this.#epoch}, there is ${epochMax}`)
  }

  #acknowledges(packs: PackSet): void {
    const truth = this.#truth
    if (truth === undefined) return
    const held = sum(this.#held.values())
    if (held > this.#grantedBytes + packBytesMax)
      this.#violation('what waits is within the window', `${held} of ${this.#grantedBytes} bytes`)
    for (const number of packs) {
      if (!this.#held.delete(number)) this.#violation('only what came is acknowledged', `pack ${number}`)
      if (this.#events.isRelay(this.#receiver.peerId)) this.#events.storeAcknowledges(truth, number, this.#receiver.peerId)
      else this.#events.heirAcknowledges(truth, this.#receiver.peerId, number)
    }
    this.#events.log(`${this.#title}: acknowledged ${[...packs].join(' ')}`)
  }

  #violation(rule: string, detail: string): void {
    this.#events.violation(rule, `${this.#title}: ${detail}`)
  }
}

function sum(numbers: Iterable<number>): number {
  let total = 0
  for (const number of numbers) total += number
  return total
}
