// The relay's end of one control link: requests in, answers and notifications out. Enrolment comes first.
// A peer that doesn't read is cut off when what waits for it exceeds a bound; its lease and the verbs' repeatability do the rest.

import { create, toBinary } from '@bufbuild/protobuf'
import { asHeirloomError, HeirloomError } from '../src/errors.ts'
import { helloTimeoutMs } from '../src/limits/lane.ts'
import { controlQueueBytesMax, requestsOpenMax } from '../src/limits/link.ts'
import { keepMs as usualKeepMs } from '../src/limits/relay.ts'
import { addressBytesMax, addressesMax, clockSkewMs, packsMax } from '../src/limits/wire.ts'
import type { Permission } from '../src/seal/certificate.ts'
import { checkHeader } from '../src/seal/handoff-header.ts'
import { peerBytes, peerIdText, publicKeyOfPeer } from '../src/seal/identity.ts'
import type { PoolPublic } from '../src/seal/pool-key.ts'
import { decodeMessage, failureFrame } from '../src/transfer/messages.ts'
import type { Channel } from '../src/wire/channel.ts'
import { frameType, makeFrame, type Frame } from '../src/wire/frame.ts'
import {
  EnrolledSchema,
  OfferedSchema,
  RelayMessageSchema,
  RenewedSchema,
  RequestSchema,
  ResponseSchema,
} from '../src/wire/gen/control_pb.ts'
import type { Claim, Close, Enrol, Finish, Heir, Offer, RelayMessage, Request, Response } from '../src/wire/gen/control_pb.ts'
import type { Wish } from '../src/plan/rank-successors.ts'
import { isAmount, readFacts, readName } from '../src/wire/facts.ts'
import { assignmentMessage, expectationMessage, heirMessage, notificationMessage, standingMessage } from './control-messages.ts'
import { claimIn, type ForeignClaim } from './claim-order.ts'
import { emptyOutcome, type Expectation, type Note, type Outcome } from './outcome.ts'
import type { RelayCore } from './relay-core.ts'
import { expectSmallFrames } from './small-frames.ts'
import type { HandoffKey } from './store/store.ts'

/** What a request came to: its answer, and what must be durable before it is given. */
interface Step {
  readonly result?: Response['result']
  readonly refusal?: HeirloomError
  readonly outcome?: Outcome
}

interface Member {
  readonly pool: PoolPublic
  readonly may: readonly Permission[]
  readonly expiresMs: number
}

export class ControlSession {
  readonly #core: RelayCore
  readonly #channel: Channel
  readonly #peer: string
  readonly #cancelTimeout: () => void
  #member: Member | undefined
  #requestsOpen = 0
  #unsentBytes = 0
  #isCut = false

  constructor(core: RelayCore, channel: Channel) {
    this.#core = core
    this.#channel = channel
    this.#peer = channel.remotePeer
    this.#cancelTimeout = core.clock.after(helloTimeoutMs, () => this.cut(new HeirloomError('timeout', 'no enrolment came')))
    void channel.closed.then(() => {
      this.#cancelTimeout()
      core.unlinked(this.#peer, this)
    })
    expectSmallFrames(core, channel)
    channel.onFrame((frame) => this.#take(frame))
  }

  notify(note: Note): void {
    this.#send({ case: 'notification', value: notificationMessage(note, this.#core.clock.nowMs()) })
  }

  expect(expectation: Expectation): void {
    this.#send({ case: 'notification', value: expectationMessage(expectation) })
  }

  /** A peer whose certificate has run out is sent away, to come back with a newer one. */
  checkExpiry(nowMs: number): void {
    if (this.#isExpired(nowMs)) this.cut(new HeirloomError('expired-certificate', 'the certificate has expired'))
  }

  /** Ends the link after what is queued; the peer dials another relay, or this one again. */
  close(): void {
    void this.#channel.close()
  }

  /** Says why, and ends the link. */
  cut(why: HeirloomError): void {
    if (this.#isCut) return
    this.#isCut = true
    this.#core.counts.refused(why.code)
    this.#channel.send(failureFrame(why))
    this.close()
  }

  #take(frame: Frame): void {
    if (this.#isCut) return
    try {
      if (frame.type !== frameType.request) throw new HeirloomError('malformed', `a peer sent a frame of type ${frame.type}`)
      this.#answer(decodeMessage(RequestSchema, frame))
    } catch (thrown) {
      const error = asHeirloomError(thrown)
      if (error.code === 'internal') this.#core.onWarning(error)
      this.cut(error)
    }
  }

  #answer({ id, verb }: Request): void {
    if (this.#requestsOpen >= requestsOpenMax)
      return this.#refuse(id, new HeirloomError('busy', `${requestsOpenMax} requests are open already`))
    this.#core.presence.heard(this.#peer)
    let step: Step
    let refusal: HeirloomError | undefined
    try {
      step = this.#perform(verb)
      refusal = step.refusal
    } catch (thrown) {
      refusal = asHeirloomError(thrown)
      if (refusal.code === 'internal') throw refusal
      // A refusal may rest on what isn't durable yet, such as a newer epoch.
      const key = this.#keyIn(verb)
      step = key === undefined ? {} : { outcome: emptyOutcome(key) }
    }
    const respond = (failure: HeirloomError | undefined) => {
      if (failure !== undefined) this.#refuse(id, failure, failure === step.refusal ? step.result : undefined)
      else this.#send({ case: 'response', value: create(ResponseSchema, { id, result: step.result ?? { case: undefined } }) })
    }
    if (step.outcome === undefined) return respond(refusal)
    this.#requestsOpen++
    this.#core.carryOut(step.outcome, (failure) => {
      this.#requestsOpen--
      respond(refusal ?? failure)
    })
  }

  #refuse(id: number, { code, status, message }: HeirloomError, result: Response['result'] = { case: undefined }): void {
    this.#core.counts.refused(code)
    this.#send({ case: 'response', value: create(ResponseSchema, { id, status, detail: message.slice(0, 500), result }) })
  }

  #perform(verb: Request['verb']): Step {
    if (verb.case === 'enrol') return this.#enrol(verb.value)
    const { rendezvous, clock } = this.#core
    const member = this.#member
    if (member === undefined) throw new HeirloomError('unauthorised', 'enrol first')
    if (this.#isExpired(clock.nowMs())) throw new HeirloomError('expired-certificate', 'the certificate has expired')
    switch (verb.case) {
      case 'offer':
        return this.#offer(member, verb.value)
      case 'wait':
        return this.#wait(member)
      case 'leave':
        rendezvous.leave(this.#peer)
        return {}
      case 'claim':
        return this.#claim(member, verb.value)
      case 'renew':
        if (verb.value.facts !== undefined) this.#core.presence.described(this.#peer, readFacts(verb.value.facts))
        return { result: { case: 'renewed', value: create(RenewedSchema, { nowMs: wallMs(clock.nowMs()) }) } }
      case 'close':
        return { outcome: this.#close(member, verb.value) }
      case 'finish':
        return { outcome: this.#finish(member, verb.value) }
      case 'withdraw':
        return { outcome: rendezvous.withdraw(this.#peer, keyOf(member.pool, verb.value.handoff)) }
      default:
        throw new HeirloomError('unsupported', 'this relay does not know that request')
    }
  }

  #enrol({ certificate, addresses, facts }: Enrol): Step {
    const core = this.#core
    const peer = this.#peer
    const { pool, may, expiresMs } = core.checkMember(certificate, peerBytes(peer))
    const usable = addresses.filter((address) => address.length <= addressBytesMax).slice(0, addressesMax)
    if (this.#member === undefined) core.linked(peer, this, { pool: pool.idHex, addresses: usable, facts: readFacts(facts) })
    else if (this.#member.pool.idHex !== pool.idHex) throw new HeirloomError('foreign-pool', 'this link is enrolled for another pool')
    else core.presence.moved(peer, usable, readFacts(facts))
    this.#cancelTimeout()
    this.#member = { pool, may, expiresMs }
    const terms = {
      leaseMs: BigInt(core.leaseMs),
      nowMs: wallMs(core.clock.nowMs()),
      keepMsMax: BigInt(core.keepMsMax),
      dataPort: core.data?.port?.port ?? 0,
    }
    return { result: { case: 'enrolled', value: create(EnrolledSchema, terms) } }
  }

  #offer(member: Member, { handoff, header, keepMs, standing, since, ageMs, heir: foreign, ...of }: Offer): Step {
    needs(member, 'send')
    const { draining, keepMsMax, rendezvous, clock } = this.#core
    if (draining) throw new HeirloomError('draining', 'this relay is going down')
    checkHeader(header, { pool: member.pool, handoff, peer: peerBytes(this.#peer) })
    if (since > packsMax) throw new HeirloomError('too-large', `a handoff has at most ${packsMax} packs`)
    const nowMs = clock.nowMs()
    const ahead = standing || since > 0 ? { standing, since, asOfMs: nowMs - Number(ageMs) } : undefined
    const wish = this.#wish(of)
    const keeps = Math.min(Number(keepMs) || usualKeepMs, keepMsMax)
    const claimed = foreign === undefined ? undefined : foreignClaim(foreign, foreign.peer)
    const offering = { header, keepMs: keeps, nowMs, ...(wish && { wish }), ...(ahead && { ahead }), claimed }
    const { heir, outcome } = rendezvous.offer(this.#peer, keyOf(member.pool, handoff), offering)
    return { outcome, result: { case: 'offered', value: create(OfferedSchema, heir && { heir: heirMessage(heir) }) } }
  }

  /** What was said of the handoff, and what the predecessor has said of itself. */
  #wish({ bytes, worth, part = '' }: Pick<Offer, 'bytes' | 'worth' | 'part'>): Wish | undefined {
    const { zone, network, prefers } = this.#core.presence.facts(this.#peer)
    const said = {
      zone,
      network,
      prefers,
      bytes: bytes === undefined ? undefined : Number(bytes),
      worth: isAmount(worth) ? worth : undefined,
      part: readName(part),
    }
    const known = Object.entries(said).filter(([, value]) => value !== undefined)
    return known.length > 0 ? Object.fromEntries(known) : undefined
  }

  #wait(member: Member): Step {
    needs(member, 'receive')
    if (this.#core.draining) throw new HeirloomError('draining', 'this relay is going down')
    const claimed = this.#core.rendezvous.wait(this.#peer, member.pool.idHex)
    return claimed === undefined
      ? {}
      : { outcome: claimed.outcome, result: { case: 'assignment', value: assignmentMessage(claimed.assignment, this.#core.clock.nowMs()) } }
  }

  #claim(member: Member, { handoff, epoch, assignedBy }: Claim): Step {
    needs(member, 'receive')
    const foreign = foreignClaim({ epoch, assignedBy }, peerBytes(this.#peer))
    const { rendezvous, clock } = this.#core
    const key = keyOf(member.pool, handoff)
    try {
      const { assignment, outcome } = rendezvous.claim(this.#peer, key, foreign ?? { epoch })
      return { outcome, result: { case: 'assignment', value: assignmentMessage(assignment, clock.nowMs()) } }
    } catch (thrown) {
      const refusal = asHeirloomError(thrown)
      const standing = refusal.code === 'fenced' && foreign !== undefined ? claimIn(rendezvous.find(key), this.#core.self) : undefined
      if (standing === undefined) throw thrown
      return { refusal, outcome: emptyOutcome(key), result: { case: 'standing', value: standingMessage(standing) } }
    }
  }

  #close({ pool }: Member, { handoff, packs }: Close): Outcome {
    if (packs > packsMax) throw new HeirloomError('too-large', `a handoff has at most ${packsMax} packs`)
    return this.#core.rendezvous.close(this.#peer, keyOf(pool, handoff), packs)
  }

  #finish({ pool }: Member, { handoff, epoch, released, heir }: Finish): Outcome {
    const above = heir === undefined ? undefined : foreignClaim(heir, heir.peer)
    return this.#core.rendezvous.finish(this.#peer, keyOf(pool, handoff), { epoch, released, above, nowMs: this.#core.clock.nowMs() })
  }

  #keyIn(verb: Request['verb']): HandoffKey | undefined {
    const handoff = verb.value !== undefined && 'handoff' in verb.value ? verb.value.handoff : undefined
    return this.#member !== undefined && handoff?.byteLength === 16 ? keyOf(this.#member.pool, handoff) : undefined
  }

  #isExpired(nowMs: number): boolean {
    return this.#member !== undefined && nowMs > this.#member.expiresMs + clockSkewMs
  }

  #send(message: RelayMessage['message']): void {
    const frame = makeFrame(frameType.relayMessage, toBinary(RelayMessageSchema, create(RelayMessageSchema, { message })))
    if (this.#channel.send(frame)) return
    if (this.#unsentBytes === 0) void this.#channel.drained().then(() => (this.#unsentBytes = 0))
    this.#unsentBytes += frame.bytes
    if (this.#unsentBytes > controlQueueBytesMax)
      this.#channel.abort(new HeirloomError('too-large', 'this peer does not read what it is sent'))
  }
}

function needs({ may }: Member, permission: Permission): void {
  if (!may.includes(permission)) throw new HeirloomError('unauthorised', `this peer's certificate doesn't let it ${permission}`)
}

/** Undefined for one that this relay gave itself. Throws `malformed`. */
function foreignClaim({ epoch, assignedBy }: Pick<Heir, 'epoch' | 'assignedBy'>, heir: Uint8Array): ForeignClaim | undefined {
  if (assignedBy.byteLength === 0 || epoch === 0) return undefined
  try {
    for (const peer of [heir, assignedBy]) publicKeyOfPeer(peer)
  } catch (thrown) {
    throw new HeirloomError('malformed', 'a claim is of a peer, and given by a relay', { cause: thrown })
  }
  return { heir: peerIdText(heir), epoch, assignedBy: peerIdText(assignedBy) }
}

function keyOf(pool: PoolPublic, handoff: Uint8Array): HandoffKey {
  if (handoff.byteLength !== 16) throw new HeirloomError('malformed', 'a handoff id has 16 bytes')
  return { pool: pool.idHex, handoff: Buffer.from(handoff).toString('hex') }
}

function wallMs(nowMs: number): bigint {
  return BigInt(Math.floor(nowMs))
}
