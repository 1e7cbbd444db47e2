// Watches every frame of a simulated world, as it is sent and as it arrives, and holds it against the protocol: here what peers and relay say to
// one another; what a transfer carries, its own watch sees.

import { fromBinary } from '@bufbuild/protobuf'
import { frameType, type Frame, type FrameType } from '../../src/wire/frame.ts'
import { RelayMessageSchema, RequestSchema, type Assignment, type Heir, type Offer, type Request } from '../../src/wire/gen/control_pb.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { controlProtocol } from '../../src/wire/protocols.ts'
import { peerIdText } from '../../src/seal/identity.ts'
import type { WatchedTransfer } from './data-line-watch.ts'
import type { HandoffTruth } from './handoff-truth.ts'
import type { OpeningStream, SimulatedNode } from './network.ts'
import type { StreamTap } from './stream.ts'
import { TransferWatch } from './transfer-watch.ts'

export interface WireEvents {
  truth(handoff: Uint8Array): HandoffTruth | undefined
  violation(rule: string, detail: string): void
  log(text: string): void
  /** A relay acknowledges a pack. */
  storeAcknowledges(truth: HandoffTruth, number: number, relay: string): void
  /** An heir acknowledges a pack. */
  heirAcknowledges(truth: HandoffTruth, heir: string, number: number): void
  /** An heir tells what it has. */
  heirHas(truth: HandoffTruth, heir: string, have: PackSet): void
  /** A pack has come to a process. */
  arrivedAt(truth: HandoffTruth, peer: string, number: number): void
  /** Whoever shows this token on a data socket brings packs of that transfer. */
  offersData(token: string, transfer: WatchedTransfer): void
  /** An heir says that it is done, and a relay hears it. */
  finishSent(truth: HandoffTruth, heir: string): void
  finishArrived(truth: HandoffTruth, heir: string, relay: string): void
  transferOpened(watch: TransferWatch): void
  /** Whether another transfer, which is up, could carry what this one does, without a relay. */
  hasDirect(watch: TransferWatch): boolean
  isRelay(peer: string): boolean
  /** What an heir has said it takes; undefined: any. */
  partsOf(peer: string): readonly string[] | undefined
  nowMs(): number
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

export function tapStream(events: WireEvents, stream: OpeningStream): readonly [StreamTap, StreamTap] {
  const forth = new Direction()
  const back = new Direction()
  const { protocol, opener, acceptor } = stream
  const watch = protocol === controlProtocol ? new ControlWatch(events, opener, acceptor) : new TransferWatch(events, stream)
  if (watch instanceof TransferWatch) events.transferOpened(watch)
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

/** Clocks drift. */
const ageSlackMs = 1_000

class ControlWatch {
  readonly #events: WireEvents
  readonly #peer: string
  readonly #relay: string
  readonly #process
  /** By request id: what was asked. */
  readonly #asked = new Map<number, Request['verb']>()

  constructor(events: WireEvents, opener: SimulatedNode, acceptor: SimulatedNode) {
    this.#events = events
    this.#peer = opener.peerId
    this.#relay = acceptor.peerId
    this.#process = acceptor.process
  }

  sent(frame: Frame, byPeer: boolean): void {
    if (byPeer && frame.type === frameType.request) {
      const { id, verb } = fromBinary(RequestSchema, frame.body[0]!)
      this.#asked.set(id, verb)
      if (verb.case === 'offer') this.#offers(verb.value)
      const truth = verb.case === 'finish' && !verb.value.released ? this.#events.truth(verb.value.handoff) : undefined
      if (truth !== undefined) this.#events.finishSent(truth, this.#peer)
      this.#events.log(`${this.#name} asks ${this.#events.nameOf(this.#relay)} ${verb.case} ${summaryOf(verb)}`)
    } else if (!byPeer && frame.type === frameType.relayMessage && this.#process.alive) this.#told(frame, true)
  }

  arrived(frame: Frame, atPeer: boolean): void {
    if (atPeer && frame.type === frameType.relayMessage) this.#told(frame, false)
    if (atPeer || frame.type !== frameType.request) return
    const { verb } = fromBinary(RequestSchema, frame.body[0]!)
    if (verb.case === 'withdraw') this.#withdrawn(verb.value.handoff)
    if (verb.case !== 'finish' || verb.value.released) return
    const truth = this.#events.truth(verb.value.handoff)
    const claim = truth?.at(this.#relay).claim
    if (truth !== undefined && claim?.heir === this.#peer && verb.value.epoch === claim.epoch)
      this.#events.finishArrived(truth, this.#peer, this.#relay)
  }

  /** Of what stands its predecessor says how old it is. */
  #offers({ handoff, standing, since, ageMs, part }: Offer): void {
    const truth = this.#events.truth(handoff)
    const wrong = truth?.isOfPart(part)
    if (wrong !== undefined) this.#events.violation('a part is a handoff of its own', wrong)
    if (truth === undefined || !standing) return
    truth.wasStanding = true
    if (since > 0) truth.asOfMs = Math.max(truth.asOfMs, this.#events.nowMs() - Number(ageMs) - ageSlackMs)
  }

  #withdrawn(handoff: Uint8Array): void {
    const place = this.#events.truth(handoff)?.at(this.#relay)
    if (place !== undefined && place.claim === undefined) place.isFinished = true
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
      if (isSending) this.#events.log(`${this.#events.nameOf(this.#relay)} tells ${this.#name}: ${event.case}`)
    } else if (message.case === 'response') {
      const { id, status, result } = message.value
      const verb = this.#asked.get(id)
      if (result.case === 'assignment' && isSending) this.#given(result.value)
      if (result.case === 'offered' && isSending && result.value.heir !== undefined && verb?.case === 'offer')
        this.#heir(verb.value.handoff, result.value.heir)
      if (status === 14 && !isSending && verb?.case === 'claim') this.#fenced(verb.value.handoff, verb.value.epoch)
      if (isSending)
        this.#events.log(
          `${this.#events.nameOf(this.#relay)} answers ${this.#name}: ${verb?.case} ${status === 0 ? (result.case ?? 'done') : `refused with ${status}`}`,
        )
    }
  }

  #given({ handoff, epoch, assignedBy }: Assignment): void {
    this.#claim(handoff, { epoch, assignedBy, heir: this.#peer })
  }

  #heir(handoff: Uint8Array, { epoch, peer, assignedBy }: Heir): void {
    this.#claim(handoff, { epoch, assignedBy, heir: peerIdText(peer) })
  }

  #claim(handoff: Uint8Array, { epoch, assignedBy, heir }: { epoch: number; assignedBy: Uint8Array; heir: string }): void {
    const relay = assignedBy.byteLength > 0 ? peerIdText(assignedBy) : this.#relay
    const truth = this.#events.truth(handoff)
    const wrong = truth?.told(this.#relay, { epoch, assignedBy: relay, heir })
    if (truth?.part !== undefined && this.#events.partsOf(heir)?.includes(truth.part) === false)
      this.#events.violation('an heir gets parts that it takes', `${this.#events.nameOf(heir)} gets part ${truth.part}`)
    if (wrong !== undefined) this.#events.violation(wrong.rule, `${wrong.detail}, ${this.#events.nameOf(heir)}`)
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
