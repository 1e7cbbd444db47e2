// The lane over a data socket: what every lane must do, whoever dials whom, and what is its own.
// runs on: node, deno

import { randomBytes } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../src/clock.ts'
import { HeirloomError } from '../../src/errors.ts'
import { DataEnd } from '../../src/lane/data-end.ts'
import { windowBytes } from '../../src/limits/lane.ts'
import { packBytesTarget } from '../../src/limits/wire.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { laneContract, testPack, until, type OpenLane } from '../contract/lane.ts'
import { listeningEnd, openDataLane } from '../helpers/data-lane.ts'
import { DataProxy } from '../helpers/data-proxy.ts'
import { refusedLater } from '../helpers/refusal.ts'
import { SeededRandom, withSeed } from '../helpers/seed.ts'

const dialOnly = async () => new DataEnd(systemClock)

/** Opens lanes between ends of these kinds. */
function opening(openSender: typeof dialOnly, openReceiver: typeof dialOnly, withKey = false): OpenLane {
  return async (options) => {
    const sender = await openSender()
    const receiver = await openReceiver()
    const opened = await openDataLane({ sender, receiver, withKey, ...options })
    return {
      ...opened,
      async [Symbol.asyncDispose]() {
        await opened[Symbol.asyncDispose]()
        await sender[Symbol.asyncDispose]()
        await receiver[Symbol.asyncDispose]()
      },
    }
  }
}

for (const [name, open] of [
  ['the receiver dials', opening(listeningEnd, dialOnly)],
  ['the sender dials', opening(dialOnly, listeningEnd)],
  ['both can dial', opening(listeningEnd, listeningEnd)],
  ['the sender dials, with tags', opening(dialOnly, listeningEnd, true)],
] as const) {
  const contract = suite(`lane over a data socket: ${name}`)
  laneContract(contract, open)
  contract.run()
}

const test = suite('data channel')

for (const [name, packsFrom, withKey] of [
  ['the receiver dials', 'listener', false],
  ['the sender dials', 'dialer', false],
  ['the sender dials, with tags', 'dialer', true],
] as const) {
  test(`packs of all sizes arrive bit for bit and in order: ${name}`, () =>
    withSeed(async (random) => {
      await using listening = await listeningEnd()
      const other = new DataEnd(systemClock)
      const [sender, receiver] = packsFrom === 'listener' ? [listening, other] : [other, listening]
      await using opened = await openDataLane({ sender, receiver, withKey, windowBytes })
      const sent = packsOf(random, 60)
      const got: Buffer[] = []
      // A receiver that takes what there is, and gives its memory back; without it the credit would end.
      const receive = () => {
        for (const each of opened.arrived.splice(0)) take(each, got)
        return true
      }
      for (const [number, body] of sent.entries()) {
        const pack = { ...testPack(number, body.byteLength), pieces: cut(body, random) }
        await until(() => receive() && opened.lane.canSend(pack.bytes))
        opened.lane.send(pack)
      }
      await until(() => receive() && got.length === sent.length)
      for (const [number, body] of sent.entries()) assert.ok(body.equals(got[number]!), `pack ${number}`)
      await until(() => opened.lane.inFlightBytes === 0)
    }))
}

test('the end never overtakes packs, however late they come', async () => {
  await using listening = await listeningEnd()
  await using proxy = await DataProxy.open({ packsFrom: 'listener' })
  await using opened = await openDataLane({ sender: proxy.before(listening), receiver: new DataEnd(systemClock) })
  proxy.hold()
  for (const number of [0, 1, 2]) opened.lane.send(testPack(number))
  opened.lane.end({ packs: 3, closed: true })
  const demanded = PackSet.of([7])
  opened.receiver.demand({ packs: demanded })
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal([opened.arrived.length, opened.ended.length], [0, 0])
  proxy.release()
  await until(() => opened.ended.length === 1)
  assert.is(opened.arrived.length, 3)
})

test('without anybody who listens it is unsupported, and both sides know', async () => {
  const end = new DataEnd(systemClock)
  await refusedLater(openDataLane({ sender: end, receiver: end }), 'unsupported')
})

test('a sender of packs that nobody there can open refuses a socket without tags', async () => {
  await using listening = await listeningEnd()
  const without = Object.assign(Object.create(listening) as DataEnd, { offer: () => listening.offer({ withKey: false }) })
  await refusedLater(openDataLane({ sender: new DataEnd(systemClock), receiver: without, withKey: true }), 'unauthorised')
})

test('when the socket breaks in the middle, the lane says so with what was in flight', async () => {
  await using listening = await listeningEnd()
  await using proxy = await DataProxy.open({ packsFrom: 'listener' })
  const closed = Promise.withResolvers<{ error: HeirloomError | undefined; inFlight: readonly number[] }>()
  await using opened = await openDataLane({
    sender: proxy.before(listening),
    receiver: new DataEnd(systemClock),
    events: { closed: (error, inFlight) => closed.resolve({ error, inFlight }) },
  })
  for (const number of [0, 1]) opened.lane.send(testPack(number))
  await until(() => opened.arrived.length === 2)
  opened.arrived[0]!.settle()
  await until(() => opened.lane.inFlightBytes === 1000)
  proxy.cut()
  const { error, inFlight } = await closed.promise
  assert.is(error?.code, 'link-lost')
  assert.equal(inFlight, [1])
  assert.is((await opened.received)?.code, 'link-lost')
})

test('a lane that is closed ends cleanly at both sides', async () => {
  await using sender = await listeningEnd()
  const closed = Promise.withResolvers<HeirloomError | undefined>()
  await using opened = await openDataLane({ sender, receiver: new DataEnd(systemClock), events: { closed: closed.resolve } })
  opened.lane.send(testPack(0))
  await until(() => opened.arrived.length === 1)
  await opened.lane.close()
  assert.is(await closed.promise, undefined)
  assert.is(await opened.received, undefined)
})

test.run()

function take(pack: { pieces: readonly Uint8Array[]; settle(): void; free(): void }, into: Buffer[]): void {
  into.push(Buffer.concat(pack.pieces))
  pack.settle()
  pack.free()
}

/** Bodies with a pack's head: tiny, usual and large ones. */
function packsOf(random: SeededRandom, count: number): Buffer[] {
  return Array.from({ length: count }, (_, number) => {
    const bytes = [random.integer(24, 300), random.integer(1000, 70_000), random.integer(packBytesTarget - 10, packBytesTarget + 300)]
    const body = randomBytes(number % 10 === 9 ? 3 * packBytesTarget : bytes[number % 3]!)
    body.set(testPack(number, 24).pieces[0]!.subarray(0, 8))
    return body
  })
}

function cut(body: Buffer, random: SeededRandom): Buffer[] {
  const at = random.integer(1, body.byteLength - 1)
  return [body.subarray(0, at), body.subarray(at)]
}
