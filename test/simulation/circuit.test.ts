// The simulated circuit: what goes through the relay takes both ways' time, waits and is lost with either of them or the relay, and is lent by its rules.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { circuitAddress } from '../../src/net/circuit-address.ts'
import { createIdentity } from '../../src/seal/identity.ts'
import type { Channel } from '../../src/wire/channel.ts'
import { frameType, type FrameType } from '../../src/wire/frame.ts'
import { transferProtocol } from '../../src/wire/protocols.ts'
import { SeededRandom } from '../helpers/seed.ts'
import type { DataWall } from './data-link.ts'
import { EventLoop } from './event-loop.ts'
import { Network, type SimulatedNode } from './network.ts'
import { MachineClock, Process } from './process.ts'
import { addressOf } from './surroundings.ts'

const test = suite('simulated circuits')

/** A relay, and two that nobody can dial, unless told. */
class Scene {
  readonly loop = new EventLoop()
  readonly random = new SeededRandom(1)
  readonly network: Network
  readonly relay: SimulatedNode
  readonly near: SimulatedNode
  readonly far: SimulatedNode
  /** What was opened to the far one, and what it read there. */
  readonly accepted: Channel[] = []
  readonly read: FrameType[] = []
  mayConnect = true
  readonly #signal = new AbortController().signal

  constructor({ nearWall = 'refuses' }: { nearWall?: DataWall } = {}) {
    const { loop, random } = this
    this.network = new Network({ loop, random, log() {}, transferOf: () => undefined, tap: () => [tap, tap] })
    this.relay = this.#node({ circuits: { mayReserve: () => true, mayConnect: () => this.mayConnect } })
    this.near = this.#node({ wall: nearWall, circuits: 'use' })
    this.far = this.#node({ wall: 'swallows', circuits: 'use' })
    for (const node of [this.near, this.far]) Object.assign(this.linkOf(node), { latencyMs: 10, jitterMs: 0, bytesPerMs: 1000 })
    void this.far.handle(transferProtocol, (channel) => {
      this.accepted.push(channel)
      channel.onFrame(({ type }) => this.read.push(type))
    })
  }

  #node(place: Partial<Parameters<Network['node']>[2]>): SimulatedNode {
    const { peerId } = createIdentity()
    const process = new Process(peerId, this.loop, this.random, new MachineClock(this.loop, { rate: 1, wallMs: 0 }))
    return this.network.node(process, peerId, { addresses: [addressOf(peerId)], dataWall: 'open', ...place })
  }

  linkOf(node: SimulatedNode) {
    return this.network.link(node.peerId, this.relay.peerId)
  }

  /** What comes of something within this time. */
  async within<Answer>(ms: number, asked: Promise<Answer>): Promise<Answer | undefined> {
    let answer: Answer | undefined
    void asked.then((value) => (answer = value))
    await this.pass(ms)
    return answer
  }

  /** What it fails with within this time. */
  async failure(ms: number, asked: Promise<unknown>): Promise<string> {
    let why = 'nothing failed'
    asked.catch((thrown: Error) => (why = thrown.message))
    await this.pass(ms)
    return why
  }

  pass(ms: number): Promise<void> {
    this.loop.after(ms, () => {})
    return this.loop.run(this.loop.nowMs + ms, () => false)
  }

  async reserved(): Promise<void> {
    await this.within(1_000, this.far.reserve(addressOf(this.relay.peerId)))
  }

  open(addresses = [circuitAddress(addressOf(this.relay.peerId), this.far.peerId)]): Promise<Channel> {
    return this.near.open(addresses, transferProtocol, { signal: this.#signal })
  }

  async opened(): Promise<Channel> {
    await this.reserved()
    const channel = await this.within(1_000, this.open())
    assert.ok(channel !== undefined)
    return channel
  }
}

const tap = { sent() {}, delivered() {}, closed() {} }

const send = (channel: Channel) => channel.send({ type: frameType.demand, body: [new Uint8Array(8)], bytes: 8 })

test('a peer that nobody can dial is reached through the relay at which it has its place, and by no other way', async () => {
  const scene = new Scene()
  const direct = [addressOf(scene.far.peerId)]
  assert.match(await scene.failure(9_000, scene.open(direct)), 'it takes too long')
  assert.match(await scene.failure(1_000, scene.open()), 'nobody answers', 'it has no place there')
  const channel = await scene.opened()
  assert.is(channel.isRelayed, true)
  assert.is(channel.remotePeer, scene.far.peerId)
  assert.is(channel.remoteHost, undefined)
  assert.is(scene.accepted[0]!.isRelayed, true)
  assert.match(await scene.failure(9_000, scene.open(direct)), 'it takes too long', 'a circuit is no direct connection')
})

test('a relay lends by its rules', async () => {
  const scene = new Scene()
  await scene.reserved()
  scene.mayConnect = false
  assert.match(await scene.failure(1_000, scene.open()), 'nobody answers')
})

test('what goes through it takes the time of both links, and waits while either is cut or the relay is stopped', async () => {
  const scene = new Scene()
  const channel = await scene.opened()
  send(channel)
  await scene.pass(19)
  assert.equal(scene.read, [])
  await scene.pass(3)
  assert.is(scene.read.length, 1)
  for (const node of [scene.near, scene.far]) {
    const before = scene.read.length
    scene.network.cut(scene.linkOf(node))
    send(channel)
    await scene.pass(5_000)
    assert.is(scene.read.length, before)
    scene.network.heal(scene.linkOf(node))
    await scene.pass(100)
    assert.is(scene.read.length, before + 1)
  }
  scene.relay.process.stop(1_000)
  send(channel)
  await scene.pass(900)
  assert.is(scene.read.length, 3)
  await scene.pass(200)
  assert.is(scene.read.length, 4)
})

test('it ends for both when the relay dies, and when the relay loses one of them', async () => {
  for (const end of [
    (scene: Scene) => scene.relay.process.kill(),
    (scene: Scene) => scene.far.hangUp(scene.relay.peerId),
    (scene: Scene) => scene.near.hangUp(scene.relay.peerId),
  ]) {
    const scene = new Scene()
    const channel = await scene.opened()
    end(scene)
    assert.instance(await scene.within(100, channel.closed), Error)
    assert.instance(await scene.within(100, scene.accepted[0]!.closed), Error)
    assert.is(
      scene.network.connections.values().some(({ path }) => path.relay !== undefined),
      false,
    )
  }
})

test('a direct dial that nobody answers is answered when the other side dials', async () => {
  const scene = new Scene({ nearWall: 'open' })
  const hanging = scene.open([addressOf(scene.far.peerId)])
  await scene.pass(2_000)
  await scene.within(1_000, scene.far.connect([addressOf(scene.near.peerId)], { signal: new AbortController().signal }))
  const channel = await scene.within(1_000, hanging)
  assert.is(channel?.isRelayed, false)
})

test.run()
