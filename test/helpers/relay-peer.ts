// A relay in memory and peers that speak to it frame by frame, for tests of what happens on the wire.

import { create, toBinary } from '@bufbuild/protobuf'
import { createRelay, type Relay } from '../../relay/relay.ts'
import type { RelayCoreOptions } from '../../relay/relay-core.ts'
import { createMemoryPackStore } from '../../relay/store/memory-pack-store.ts'
import { createMemoryRecordStore } from '../../relay/store/memory-record-store.ts'
import { errorFromStatus, type HeirloomError } from '../../src/errors.ts'
import { createHandoff } from '../../src/seal/handoff-header.ts'
import { createIdentity } from '../../src/seal/identity.ts'
import { generatePool } from '../../src/seal/pool-key.ts'
import { decodeMessage, helloFrame, readFailure, type HelloMessage } from '../../src/transfer/messages.ts'
import { frameType, makeFrame, type Frame } from '../../src/wire/frame.ts'
import { RelayMessageSchema, RequestSchema, type Notification, type Request, type Response } from '../../src/wire/gen/control_pb.ts'
import { factsMessage, type Facts } from '../../src/wire/facts.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { channelPair, type MemoryChannel } from './channel-pair.ts'
import { HeldPackStore, HeldRecordStore } from './held-store.ts'
import { ManualClock } from './manual-clock.ts'
import { makeMember, nowMs, type Member } from './pool.ts'

export const leaseMs = 10_000

const relayId = createIdentity().peerId

/** What arrives at one end of a channel, in order, to be waited for. */
class Inbox<Item> {
  readonly #items: Item[] = []
  readonly #waiting: { fits: (item: Item) => boolean; take: (item: Item) => void }[] = []

  put(item: Item): void {
    const index = this.#waiting.findIndex(({ fits }) => fits(item))
    if (index < 0) this.#items.push(item)
    else this.#waiting.splice(index, 1)[0]!.take(item)
  }

  /** The next item that fits, which may have come already. */
  next(fits: (item: Item) => boolean = () => true): Promise<Item> {
    const index = this.#items.findIndex(fits)
    if (index >= 0) return Promise.resolve(this.#items.splice(index, 1)[0]!)
    return new Promise((take) => this.#waiting.push({ fits, take }))
  }

  get size(): number {
    return this.#items.length
  }
}

export class TestRelay implements AsyncDisposable {
  readonly clock = new ManualClock(nowMs)
  readonly pool = generatePool('checkout')
  readonly packs = new HeldPackStore(createMemoryPackStore())
  readonly records = new HeldRecordStore(createMemoryRecordStore())
  readonly warnings: HeirloomError[] = []
  readonly id = relayId
  relay: Relay

  readonly #options: Partial<RelayCoreOptions>

  constructor(options: Partial<RelayCoreOptions> = {}) {
    this.#options = options
    this.relay = this.#open()
  }

  #open(): Relay {
    const { clock, packs, records, pool } = this
    const onWarning = (warning: HeirloomError) => void this.warnings.push(warning)
    return createRelay({
      self: relayId,
      packs,
      records,
      pools: [pool],
      quota: {},
      clock,
      leaseMs,
      keepMsMax: 86_400_000,
      onWarning,
      ...this.#options,
    })
  }

  /** A new relay on the same stores, as after a restart. */
  async restart(): Promise<void> {
    await this.relay[Symbol.asyncDispose]()
    this.relay = this.#open()
  }

  async peer(member: Member = makeMember(this.pool)): Promise<RelayPeer> {
    const peer = new RelayPeer(this, member)
    const { status } = await peer.enrol()
    if (status !== 0) throw errorFromStatus(status, 'the relay refused to enrol')
    return peer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.packs.puts.open()
    this.packs.syncs.open()
    this.packs.gets.open()
    this.records.saves.open()
    await this.relay[Symbol.asyncDispose]()
  }
}

export class RelayPeer {
  readonly member: Member
  readonly control: MemoryChannel
  /** The relay's end of the control link. */
  readonly relayEnd: MemoryChannel
  readonly notes = new Inbox<Notification>()
  readonly failures = new Inbox<HeirloomError>()
  readonly #relay: TestRelay
  readonly #answers = new Inbox<Response>()
  #nextId = 1

  constructor(relay: TestRelay, member: Member) {
    this.#relay = relay
    this.member = member
    const { near, far } = channelPair(member.identity.peerId, 'relay')
    this.control = near
    this.relayEnd = far
    near.onFrame((frame) => {
      if (frame.type === frameType.failure) return this.failures.put(readFailure(frame))
      const { message } = decodeMessage(RelayMessageSchema, frame)
      if (message.case === 'response') this.#answers.put(message.value)
      else if (message.case === 'notification') this.notes.put(message.value)
    })
    relay.relay.acceptControl(far)
  }

  enrol(certificate = this.member.certificate, facts?: Facts): Promise<Response> {
    const addresses = [`/at/${this.member.identity.peerId}`]
    return this.ask({
      case: 'enrol',
      value: { $typeName: 'heirloom.wire.v1.Enrol', certificate, addresses, ...(facts && { facts: factsMessage(facts) }) },
    })
  }

  ask(verb: Request['verb']): Promise<Response> {
    const id = this.#nextId++
    this.control.send(makeFrame(frameType.request, toBinary(RequestSchema, create(RequestSchema, { id, verb }))))
    return this.#answers.next((response) => response.id === id)
  }

  /** Makes a new handoff and offers it; answers its id. */
  async offer(wish: { bytes?: bigint; worth?: number; part?: string } = {}): Promise<Uint8Array> {
    const { handoff, header } = await this.newHandoff()
    const { status, detail } = await this.ask({
      case: 'offer',
      value: {
        $typeName: 'heirloom.wire.v1.Offer',
        handoff,
        header,
        deadlineMs: 0n,
        keepMs: 0n,
        standing: false,
        since: 0,
        ageMs: 0n,
        ...wish,
      },
    })
    if (status !== 0) throw errorFromStatus(status, detail)
    return handoff
  }

  newHandoff() {
    const { pool, identity, certificate } = this.member
    return createHandoff({ pool, identity, certificate, nowMs: this.#relay.clock.nowMs() })
  }

  wait(): Promise<Response> {
    return this.ask({ case: 'wait', value: { $typeName: 'heirloom.wire.v1.Wait' } })
  }

  claim(handoff: Uint8Array, epoch = 0): Promise<Response> {
    return this.ask({ case: 'claim', value: { $typeName: 'heirloom.wire.v1.Claim', handoff, epoch, assignedBy: new Uint8Array(0) } })
  }

  finish(handoff: Uint8Array, epoch: number, released = false): Promise<Response> {
    return this.ask({ case: 'finish', value: { $typeName: 'heirloom.wire.v1.Finish', handoff, epoch, released } })
  }

  close(handoff: Uint8Array, packs: number): Promise<Response> {
    return this.ask({ case: 'close', value: { $typeName: 'heirloom.wire.v1.Close', handoff, packs } })
  }

  note<Case extends Notification['event']['case']>(kind: Case): Promise<Notification> {
    return this.notes.next(({ event }) => event.case === kind)
  }

  /** Opens a transfer and sends its hello. */
  transfer(hello: Partial<HelloMessage> & Pick<HelloMessage, 'handoff' | 'role'>, way: 'stream' | 'socket' = 'stream'): TestTransfer {
    const { near, far } = channelPair(this.member.identity.peerId, 'relay')
    const transfer = new TestTransfer(near, far)
    if (way === 'socket') this.#relay.relay.acceptData(far)
    else this.#relay.relay.acceptTransfer(far)
    near.send(helloFrame({ epoch: 0, certificate: this.member.certificate, have: new PackSet(), windowBytes: 0, ...hello }))
    return transfer
  }
}

export class TestTransfer {
  readonly channel: MemoryChannel
  readonly relayEnd: MemoryChannel
  readonly #frames = new Inbox<Frame>()

  constructor(channel: MemoryChannel, relayEnd: MemoryChannel) {
    this.channel = channel
    this.relayEnd = relayEnd
    channel.onFrame((frame) => this.#frames.put(frame))
  }

  /** Frames that came and weren't asked for. */
  get left(): number {
    return this.#frames.size
  }

  next(type?: Frame['type']): Promise<Frame> {
    return this.#frames.next((frame) => type === undefined || frame.type === type)
  }

  async failure(): Promise<HeirloomError> {
    return readFailure(await this.next(frameType.failure))
  }

  pack(number: number, bytes: number): void {
    this.channel.send(packFrame(number, bytes))
  }
}

/** What looks like a sealed pack to somebody who can't open it. */
export function packFrame(number: number, bytes: number): Frame {
  const pack = new Uint8Array(bytes)
  pack[0] = 1
  new DataView(pack.buffer).setUint32(4, number)
  return makeFrame(frameType.pack, pack)
}

/** Lets everything that can happen without time passing happen. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}
