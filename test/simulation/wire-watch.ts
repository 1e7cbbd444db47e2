// Watches every frame of a simulated world, as it is sent and as it arrives, and holds it against the protocol: credit, acknowledgements,
// epochs, what a stream may carry.

import { packTagBytes } from '../../src/lane/pack-tags.ts'
import { readAcknowledge, readEnd, readFailure, readHello, readWelcome, type DataOfferMessage } from '../../src/transfer/messages.ts'
import { fromBinary } from '@bufbuild/protobuf'
import { windowBytes } from '../../src/limits/lane.ts'
import { packBytesMax } from '../../src/limits/wire.ts'
import { packNumber } from '../../src/seal/pack-seal.ts'
import { frameType, type Frame, type FrameType } from '../../src/wire/frame.ts'
import { RelayMessageSchema, RequestSchema, type Assignment, type Heir, type Request } from '../../src/wire/gen/control_pb.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { controlProtocol } from '../../src/wire/protocols.ts'
import { peerIdText } from '../../src/seal/identity.ts'
import type { WatchedTransfer } from './data-line-watch.ts'
import type { HandoffTruth } from './handoff-truth.ts'
import type { SimulatedNode } from './network.ts'
import type { SimulatedStream, StreamTap } from './stream.ts'

export interface WireEvents {
  truth(handoff: Uint8Array): HandoffTruth | undefined
  violation(rule: string, detail: string): void
  log(text: string): void
  /** The relay acknowledges a pack. */
  storeAcknowledges(truth: HandoffTruth, number: number): void
  /** An heir acknowledges a pack. */
  heirAcknowledges(truth: HandoffTruth, heir: string, number: number): void
  /** An heir tells what it has. */
  heirHas(truth: HandoffTruth, heir: string, have: PackSet): void
  /** A pack has come to a process. */
  arrivedAt(truth: HandoffTruth, peer: string, number: number): void
  /** Whoever shows this token on a data socket brings packs of that transfer. */
  offersData(token: string, transfer: WatchedTransfer): void
  finishArrived(truth: HandoffTruth, heir: string): void
  readonly relayPeer: string
  nameOf(peer: string): string
}

const headBytes = 5

/** The tap of one direction's sender: frames go in whole, and arrive when their last byte does. */
class Direction {
  readonly #underWay: { readonly frame: Frame; readonly endsAt: number }[] = []
  #sentBytes = 0
  #arrivedBytes = 0

  sent(bytes: Uint8Array): Frame {
    const frame = { type: bytes[4] as FrameType, body: [bytes.subarray(headBytes)], bytes: bytes.byteLength - headBytes }
    this.#sentBytes += bytes.byteLength
    this.#underWay.push({ frame, endsAt: this.#sentBytes })
    return frame
  }

  *delivered(bytes: number): Generator<Frame> {
    this.#arrivedBytes += bytes
    while (this.#underWay[0] !== undefined && this.#underWay[0].endsAt <= this.#arrivedBytes) yield this.#underWay.shift()!.frame
  }
}

export function tapStream(
  events: WireEvents,
  opener: SimulatedNode,
  acceptor: SimulatedNode,
  protocol: string,
  far: SimulatedStream,
): readonly [StreamTap, StreamTap] {
  const forth = new Direction()
  const back = new Direction()
  const watch = protocol === controlProtocol ? new ControlWatch(events, opener, acceptor) : new TransferWatch(events, opener, acceptor, far)
  const guarded = (run: () => void) => {
    try {
      run()
    } catch (thrown) {
      events.violation('frames can be read', String(thrown))
    }
  }
  const tap = (out: Direction, into: Direction, isOpener: boolean): StreamTap => ({
    sent: (bytes) => guarded(() => watch.sent(out.sent(bytes), isOpener)),
    delivered: (bytes) => guarded(() => into.delivered(bytes).forEach((frame) => watch.arrived(frame, isOpener))),
    closed: () => {},
  })
  return [tap(forth, back, true), tap(back, forth, false)]
}

class ControlWatch {
  readonly #events: WireEvents
  readonly #peer: string
  readonly #process
  /** By request id: what was asked. */
  readonly #asked = new Map<number, Request['verb']>()

  constructor(events: WireEvents, opener: SimulatedNode, acceptor: SimulatedNode) {
    this.#events = events
    this.#peer = opener.peerId
    this.#process = acceptor.process
  }

  sent(frame: Frame, byPeer: boolean): void {
    if (byPeer && frame.type === frameType.request) {
      const { id, verb } = fromBinary(RequestSchema, frame.body[0]!)
      this.#asked.set(id, verb)
      this.#events.log(`${this.#name} asks ${verb.case} ${summaryOf(verb)}`)
    } else if (!byPeer && frame.type === frameType.relayMessage && this.#process.alive) this.#told(frame, true)
  }

  arrived(frame: Frame, atPeer: boolean): void {
    if (atPeer && frame.type === frameType.relayMessage) this.#told(frame, false)
    if (atPeer || frame.type !== frameType.request) return
    const { verb } = fromBinary(RequestSchema, frame.body[0]!)
    if (verb.case !== 'finish' || verb.value.released) return
    const truth = this.#events.truth(verb.value.handoff)
    if (truth !== undefined && truth.epochs.get(verb.value.epoch) === this.#peer && verb.value.epoch === truth.epochMax)
      this.#events.finishArrived(truth, this.#peer)
  }

  get #name(): string {
    return this.#events.nameOf(this.#peer)
  }

  /** What the relay tells: when it is sent, epochs are given; when it arrives, the peer knows. */
  #told(frame: Frame, isSending: boolean): void {
    const { message } = fromBinary(RelayMessageSchema, frame.body[0]!)
    if (message.case === 'notification') {
      const { event } = message.value
      if (event.case === 'assigned' && isSending) this.#given(event.value)
      if (event.case === 'heirChanged' && isSending && event.value.heir !== undefined) this.#heir(event.value.handoff, event.value.heir)
      if (event.case === 'fenced' && !isSending) this.#fenced(event.value.handoff, event.value.epoch - 1)
      if (isSending) this.#events.log(`relay tells ${this.#name}: ${event.case}`)
    } else if (message.case === 'response') {
      const { id, status, result } = message.value
      const verb = this.#asked.get(id)
      if (result.case === 'assignment' && isSending) this.#given(result.value)
      if (result.case === 'offered' && isSending && result.value.heir !== undefined && verb?.case === 'offer')
        this.#heir(verb.value.handoff, result.value.heir)
      if (status === 14 && !isSending && verb?.case === 'claim') this.#fenced(verb.value.handoff, verb.value.epoch)
      if (isSending)
        this.#events.log(`relay answers ${this.#name}: ${verb?.case} ${status === 0 ? (result.case ?? 'done') : `refused with ${status}`}`)
    }
  }

  #given({ handoff, epoch }: Assignment): void {
    this.#epoch(handoff, epoch, this.#peer)
  }

  #heir(handoff: Uint8Array, { epoch, peer }: Heir): void {
    this.#epoch(handoff, epoch, peerIdText(peer))
  }

  #epoch(handoff: Uint8Array, epoch: number, peer: string): void {
    const truth = this.#events.truth(handoff)
    if (truth === undefined) return
    const known = truth.epochs.get(epoch)
    if (known !== undefined && known !== peer)
      this.#events.violation(
        'an epoch has one heir',
        `epoch ${epoch} of ${truth.hex.slice(0, 6)} went to ${this.#events.nameOf(known)} and ${this.#events.nameOf(peer)}`,
      )
    else if (epoch < truth.epochMax)
      this.#events.violation(
        'the highest epoch alone is valid',
        `epoch ${epoch} of ${truth.hex.slice(0, 6)} was told after ${truth.epochMax}`,
      )
    truth.epochs.set(epoch, peer)
  }

  #fenced(handoff: Uint8Array, epoch: number): void {
    const truth = this.#events.truth(handoff)
    truth?.fenced.set(this.#peer, Math.max(epoch, truth.fenced.get(this.#peer) ?? 0))
  }
}

function summaryOf(verb: Request['verb']): string {
  if (verb.value === undefined || !('handoff' in verb.value)) return ''
  const { handoff, ...rest } = verb.value
  const numbers = Object.entries(rest).flatMap(([name, value]: [string, unknown]) =>
    typeof value === 'number' || typeof value === 'boolean' ? [`${name} ${value}`] : [],
  )
  return [Buffer.from(handoff).toString('hex').slice(0, 6), ...numbers].join(' ')
}

class TransferWatch {
  readonly #events: WireEvents
  readonly #opener: SimulatedNode
  readonly #acceptor: SimulatedNode
  readonly #far: SimulatedStream
  #truth: HandoffTruth | undefined
  #epoch = 0
  /** The opener sends packs; else the acceptor does. */
  #openerSends = true
  /** What the sender knows of the receiver's credit, and what it has in flight. */
  #windowBytes = 0
  readonly #inFlight = new Map<number, number>()
  readonly #has = new PackSet()
  /** What is at the receiver and not acknowledged, and the most that it allowed. */
  readonly #held = new Map<number, number>()
  #grantedBytes = 0

  constructor(events: WireEvents, opener: SimulatedNode, acceptor: SimulatedNode, far: SimulatedStream) {
    this.#events = events
    this.#opener = opener
    this.#acceptor = acceptor
    this.#far = far
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
        this.#grantedBytes = Math.max(this.#grantedBytes, granted)
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
    else if (type === frameType.welcome && this.#openerSends) this.#learns(readWelcome(frame))
    else if (type === frameType.acknowledge && atSender) {
      const { packs, windowBytes: granted } = readAcknowledge(frame)
      this.#windowBytes = this.#bounded(granted)
      for (const number of packs) {
        this.#inFlight.delete(number)
        this.#has.add(number)
      }
    } else if (type === frameType.pack && !atSender) this.#packArrived(frame)
    if (type === frameType.failure && !atSender && readFailure(frame).code === 'fenced' && this.#truth !== undefined) {
      const { peerId } = this.#receiver
      this.#truth.fenced.set(peerId, Math.max(this.#epoch, this.#truth.fenced.get(peerId) ?? 0))
    }
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
    this.#windowBytes = this.#bounded(granted)
    this.#has.addAll(have)
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

  #welcomes(have: PackSet, granted: number): void {
    this.#tells(have, granted)
    this.#truth?.welcomes({ heir: this.#acceptor.peerId, epoch: this.#epoch, isOpen: () => this.#far.isOpen })
  }

  #tells(have: PackSet, granted: number): void {
    this.#grantedBytes = granted
    if (this.#truth === undefined) return
    const { peerId } = this.#receiver
    if (peerId !== this.#events.relayPeer) this.#events.heirHas(this.#truth, peerId, have)
    // What the other side says it has counts as acknowledged.
    for (const number of have) {
      if (peerId === this.#events.relayPeer) this.#events.storeAcknowledges(this.#truth, number)
      else this.#events.heirAcknowledges(this.#truth, peerId, number)
    }
  }

  /** What the sender knew when it gave the pack away decides: from then on it waits for its turn on the wire. */
  #packWritten(frame: Frame): void {
    if (this.#truth === undefined) return
    const number = packNumber(frame.body)
    if (this.#has.has(number) || this.#inFlight.has(number)) this.#violation('what the other side has is not sent', `pack ${number}`)
    const inFlight = sum(this.#inFlight.values())
    if (this.#inFlight.size > 0 && inFlight + frame.bytes > this.#windowBytes)
      this.#violation('no more is in flight than the credit', `${inFlight} + ${frame.bytes} of ${this.#windowBytes} bytes`)
    if (!this.#openerSends) this.#checkEpoch(`pack ${number}`)
    this.#inFlight.set(number, frame.bytes)
  }

  #packSent(frame: Frame): void {
    const truth = this.#truth
    if (truth === undefined) return
    const number = packNumber(frame.body)
    const wrong = truth.see(number, frame.body[0]!)
    if (wrong !== undefined) this.#violation('a pack is what was sealed under its number', wrong)
    this.#events.log(`${this.#title}: pack ${number}, ${frame.bytes} bytes`)
  }

  #checkEpoch(what: string): void {
    const epochMax = this.#truth?.epochMax ?? 0
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
      if (this.#receiver.peerId === this.#events.relayPeer) this.#events.storeAcknowledges(truth, number)
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
