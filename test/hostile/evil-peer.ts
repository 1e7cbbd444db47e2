// What an enrolled peer can do to a relay if it wants to. Each attack is a function that ends; how the relay took it is for the test to look at.

import { demandFrame } from '../../src/transfer/demand.ts'
import { create, toBinary } from '@bufbuild/protobuf'
import { randomBytes } from 'node:crypto'
import { createNode, type Node } from '../../src/net/node.ts'
import { createHandoff } from '../../src/seal/handoff-header.ts'
import { issueCertificate } from '../../src/seal/certificate.ts'
import { createIdentity, type Identity } from '../../src/seal/identity.ts'
import type { PoolSecret } from '../../src/seal/pool-key.ts'
import { acknowledgeFrame, decodeMessage, helloFrame, readFailure, readWelcome, type HelloMessage } from '../../src/transfer/messages.ts'
import type { Channel } from '../../src/wire/channel.ts'
import { frameType, makeFrame, type Frame } from '../../src/wire/frame.ts'
import { RelayMessageSchema, RequestSchema, type Request, type Response } from '../../src/wire/gen/control_pb.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { controlProtocol, transferProtocol } from '../../src/wire/protocols.ts'

const hourMs = 3_600_000

export class EvilPeer implements AsyncDisposable {
  readonly identity: Identity
  readonly certificate: Uint8Array
  readonly #pool: PoolSecret
  readonly #node: Node
  readonly #address: string
  readonly #signal: AbortSignal
  readonly #answers = new Map<number, (response: Response) => void>()
  #control: Channel | undefined
  #nextId = 1

  private constructor(pool: PoolSecret, identity: Identity, node: Node, address: string, signal: AbortSignal) {
    this.#pool = pool
    this.identity = identity
    this.#node = node
    this.#address = address
    this.#signal = signal
    const nowMs = Date.now()
    this.certificate = issueCertificate(pool, { peer: identity.peer, may: ['send', 'receive'], issuedMs: nowMs, expiresMs: nowMs + hourMs })
  }

  static async open(pool: PoolSecret, address: string, signal: AbortSignal): Promise<EvilPeer> {
    const identity = createIdentity()
    const node = await createNode({ seed: identity.seed, listen: [] })
    const peer = new EvilPeer(pool, identity, node, address, signal)
    await peer.enrol()
    return peer
  }

  open(protocol: string): Promise<Channel> {
    return this.#node.open([this.#address], protocol, { signal: this.#signal })
  }

  async enrol(): Promise<void> {
    const control = await this.open(controlProtocol)
    this.#control = control
    control.onFrame((frame) => {
      if (frame.type !== frameType.relayMessage) return
      const { message } = decodeMessage(RelayMessageSchema, frame)
      if (message.case !== 'response') return
      this.#answers.get(message.value.id)?.(message.value)
      this.#answers.delete(message.value.id)
    })
    await this.ask({ case: 'enrol', value: { $typeName: 'heirloom.wire.v1.Enrol', certificate: this.certificate, addresses: [] } })
  }

  /** The status of the answer; −1 when the link ends before. */
  async ask(verb: Request['verb']): Promise<number> {
    const id = this.#nextId++
    const control = this.#control!
    const answer = new Promise<number>((resolve) => this.#answers.set(id, ({ status }) => resolve(status)))
    this.tell(verb, id)
    return Promise.race([answer, control.closed.then(() => -1)])
  }

  /** Asks, and doesn't care for the answer. */
  tell(verb: Request['verb'], id = this.#nextId++): void {
    this.#control!.send(makeFrame(frameType.request, toBinary(RequestSchema, create(RequestSchema, { id, verb }))))
  }

  claim(handoff: Uint8Array, epoch = 0): Promise<number> {
    return this.ask({ case: 'claim', value: { $typeName: 'heirloom.wire.v1.Claim', handoff, epoch, assignedBy: new Uint8Array(0) } })
  }

  finish(handoff: Uint8Array, epoch: number): Promise<number> {
    return this.ask({ case: 'finish', value: { $typeName: 'heirloom.wire.v1.Finish', handoff, epoch, released: false } })
  }

  close(handoff: Uint8Array, packs: number): Promise<number> {
    return this.ask({ case: 'close', value: { $typeName: 'heirloom.wire.v1.Close', handoff, packs } })
  }

  /** Offers a handoff of its own. */
  async offer(): Promise<Uint8Array> {
    const { identity, certificate } = this
    const { handoff, header } = await createHandoff({ pool: this.#pool, identity, certificate, nowMs: Date.now() })
    await this.ask({
      case: 'offer',
      value: { $typeName: 'heirloom.wire.v1.Offer', handoff, header, deadlineMs: 0n, keepMs: 0n, standing: false, since: 0, ageMs: 0n },
    })
    return handoff
  }

  /** Opens a transfer and says hello; answers the channel and what the relay said. */
  async transfer(
    hello: Pick<HelloMessage, 'handoff' | 'role'> & Partial<HelloMessage>,
  ): Promise<{ channel: Channel; answer: string; frames: Frame[] }> {
    const channel = await this.open(transferProtocol)
    const first = Promise.withResolvers<string>()
    const frames: Frame[] = []
    channel.onFrame((frame) => {
      frames.push(frame)
      if (frame.type === frameType.failure) first.resolve(readFailure(frame).code)
      else if (frame.type === frameType.welcome) first.resolve(`welcome ${readWelcome(frame).windowBytes}`)
    })
    void channel.closed.then(() => first.resolve('closed'))
    channel.send(helloFrame({ epoch: 0, certificate: this.certificate, have: new PackSet(), windowBytes: 8 << 20, ...hello }))
    return { channel, answer: await first.promise, frames }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#node[Symbol.asyncDispose]()
  }
}

/** What looks like a sealed pack to a relay. */
export function packFrame(number: number, bytes: number): Frame {
  const pack = new Uint8Array(bytes)
  pack[0] = 1
  new DataView(pack.buffer).setUint32(4, number)
  return makeFrame(frameType.pack, pack)
}

/** Begins frames of every kind on as many streams as it gets, each nearly whole, and ends none. */
export async function beginFrames(peer: EvilPeer, streams: number): Promise<Channel[]> {
  const channels: Channel[] = []
  for (let index = 0; index < streams; index++) {
    try {
      const channel = await peer.open(index % 2 === 0 ? controlProtocol : transferProtocol)
      channels.push(channel)
      const isPack = index % 4 === 3
      const whole = isPack ? 4 << 20 : 256 << 10
      channel.send({ type: isPack ? frameType.pack : frameType.request, body: [new Uint8Array(whole - 1)], bytes: whole })
    } catch {
      // It gets no more streams.
      break
    }
  }
  return channels
}

/** Puts far more than its credit, and never reads. */
export async function overrun(peer: EvilPeer, mebibytes: number): Promise<void> {
  const { channel } = await peer.transfer({ handoff: await peer.offer(), role: 'sends' })
  let isOver = false
  void channel.closed.then(() => (isOver = true))
  for (let number = 0; number < mebibytes && !isOver; number++) if (!channel.send(packFrame(number, 1 << 20))) await channel.drained()
  channel.abort(new Error('enough'))
}

/** Takes a handoff's packs into its window, and acknowledges none. */
export async function takeAndHold(peer: EvilPeer, handoff: Uint8Array, epoch: number): Promise<Channel> {
  const { channel } = await peer.transfer({ handoff, role: 'receives', epoch })
  return channel
}

/** Acknowledges and demands a million packs in a few bytes, again and again. */
export async function nameMillions(peer: EvilPeer, handoff: Uint8Array, epoch: number, times: number): Promise<void> {
  const all = PackSet.fromRuns([0, 1 << 20])
  const { channel } = await peer.transfer({ handoff, role: 'receives', epoch, have: all })
  const frames = [acknowledgeFrame({ packs: all, windowBytes: 1 << 20 }), demandFrame({ packs: all })]
  for (let count = 0; count < times; count++) for (const frame of frames) channel.send(frame)
  await channel.close()
}

/** Asks the same and other things as fast as it can. */
export function spam(peer: EvilPeer, times: number): void {
  for (let count = 0; count < times; count++) {
    const handoff = new Uint8Array(randomBytes(16))
    peer.tell({ case: 'renew', value: { $typeName: 'heirloom.wire.v1.Renew' } })
    peer.tell({ case: 'claim', value: { $typeName: 'heirloom.wire.v1.Claim', handoff, epoch: count % 3, assignedBy: new Uint8Array(0) } })
    peer.tell({ case: 'close', value: { $typeName: 'heirloom.wire.v1.Close', handoff, packs: count } })
  }
}
