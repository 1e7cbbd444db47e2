// The relay's half of a transfer out of its store.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { HeirloomError } from '../../src/errors.ts'
import { windowBytes } from '../../src/limits/lane.ts'
import { demandFrame } from '../../src/transfer/demand.ts'
import { acknowledgeFrame, readEnd } from '../../src/transfer/messages.ts'
import { packNumber } from '../../src/seal/pack-seal.ts'
import { frameType } from '../../src/wire/frame.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { park, parkedBytes } from '../helpers/parked.ts'
import { leaseMs, settle, TestRelay, type TestTransfer } from '../helpers/relay-peer.ts'

const test = suite('get session')

const packBytes = parkedBytes
const everything = windowBytes

/** Packs in the store, and their heir. */
async function claimed(relay: TestRelay, ...numbers: number[]) {
  const [predecessor, heir] = [await relay.peer(), await relay.peer()]
  const handoff = await predecessor.offer()
  const put = await park(predecessor, handoff, ...numbers)
  await heir.claim(handoff)
  return { predecessor, heir, handoff, put }
}

async function nextNumber(get: TestTransfer): Promise<number> {
  return packNumber((await get.next(frameType.pack)).body)
}

function acknowledge(get: TestTransfer, window: number, ...numbers: number[]): void {
  get.channel.send(acknowledgeFrame({ packs: PackSet.of(numbers), windowBytes: window }))
}

test('an heir gets what is stored in the order of the numbers, then what arrives, then the end', async () => {
  await using relay = new TestRelay()
  const { predecessor, heir, handoff, put } = await claimed(relay, 2, 0, 1)
  const get = heir.transfer({ handoff, role: 'receives', epoch: 1, windowBytes: everything })
  await get.next(frameType.welcome)
  assert.equal([await nextNumber(get), await nextNumber(get), await nextNumber(get)], [0, 1, 2])
  put.pack(3, packBytes)
  assert.is(await nextNumber(get), 3)
  await predecessor.close(handoff, 4)
  assert.equal(readEnd(await get.next()), { packs: 4, closed: true })
})

test('an heir that has some packs gets only the others', async () => {
  await using relay = new TestRelay()
  const { predecessor, heir, handoff } = await claimed(relay, 0, 1, 2, 3)
  await predecessor.close(handoff, 4)
  const get = heir.transfer({ handoff, role: 'receives', epoch: 1, windowBytes: everything, have: PackSet.of([0, 2]) })
  assert.equal([await nextNumber(get), await nextNumber(get)], [1, 3])
  assert.ok(readEnd(await get.next(frameType.end)).closed)
})

test('no more is in flight to an heir than its window, and no more is read than one pack ahead', async () => {
  await using relay = new TestRelay()
  const { heir, handoff } = await claimed(relay, 0, 1, 2, 3, 4, 5)
  const get = heir.transfer({ handoff, role: 'receives', epoch: 1, windowBytes: 2 * packBytes })
  await settle()
  assert.equal([await nextNumber(get), await nextNumber(get)], [0, 1])
  assert.equal(relay.packs.read, [0, 1, 2])
  acknowledge(get, 2 * packBytes, 0)
  assert.is(await nextNumber(get), 2)
  acknowledge(get, 0, 1, 2)
  assert.is(await nextNumber(get), 3, 'with nothing in flight one pack may always go')
  await settle()
  assert.is(get.left, 1, 'nothing but the welcome')
})

test('an heir that does not read holds up one pack of the relay, whatever its window says', async () => {
  await using relay = new TestRelay()
  const { heir, handoff } = await claimed(relay, 0, 1, 2, 3, 4, 5)
  const get = heir.transfer({ handoff, role: 'receives', epoch: 1, windowBytes: 2 ** 40 })
  get.channel.reading = false
  await settle()
  assert.ok(get.relayEnd.unreadBytes < 2 * packBytes)
  assert.equal(relay.packs.read, [0, 1])
  get.channel.reading = true
  for (let number = 0; number < 6; number++) assert.is(await nextNumber(get), number)
})

test('what the heir demands jumps the queue', async () => {
  await using relay = new TestRelay()
  const { heir, handoff } = await claimed(relay, 0, 1, 2, 3, 4, 5)
  const get = heir.transfer({ handoff, role: 'receives', epoch: 1, windowBytes: packBytes })
  assert.is(await nextNumber(get), 0)
  get.channel.send(demandFrame({ packs: PackSet.of([4, 5, 9]) }))
  const order: number[] = []
  for (let last = 0; order.length < 5; last = order.at(-1)!) {
    acknowledge(get, packBytes, last)
    order.push(await nextNumber(get))
  }
  assert.equal(order, [1, 4, 5, 2, 3], 'pack 1 had been read ahead')
})

test('what the heir demands goes beyond the credit also when less was granted while it was read', async () => {
  await using relay = new TestRelay()
  const { heir, handoff } = await claimed(relay, 0, 1, 2, 3, 4, 5)
  const get = heir.transfer({ handoff, role: 'receives', epoch: 1, windowBytes: 3 * packBytes })
  for (const number of [0, 1, 2]) assert.is(await nextNumber(get), number)
  await settle()
  relay.packs.gets.shut()
  get.channel.send(demandFrame({ packs: PackSet.of([5]) }))
  await settle()
  acknowledge(get, packBytes, 0)
  relay.packs.gets.open()
  assert.is(await nextNumber(get), 5)
  acknowledge(get, packBytes, 1)
  await settle()
  assert.is(get.left, 1, 'the welcome: what was not demanded waits')
})

test('what the heir demands takes its part of the memory for packs, as all else does', async () => {
  await using relay = new TestRelay()
  const { heir, handoff } = await claimed(relay, 0, 1, 2, 3, 4)
  const get = heir.transfer({ handoff, role: 'receives', epoch: 1, windowBytes: packBytes })
  assert.is(await nextNumber(get), 0)
  get.channel.send(demandFrame({ packs: PackSet.of([4]) }))
  assert.is(await nextNumber(get), 4)
  await settle()
  const { roomOut } = relay.relay.core.transfers
  assert.is(roomOut.takenBytes, 3 * packBytes, 'packs 0 and 4 are under way, pack 1 is read ahead')
  acknowledge(get, packBytes, 0, 4)
  assert.is(await nextNumber(get), 1)
  await settle()
  assert.is(roomOut.takenBytes, 2 * packBytes)
})

test('when the predecessor is gone without closing, the end says so, and when it comes back the rest follows', async () => {
  await using relay = new TestRelay()
  const { predecessor, heir, handoff } = await claimed(relay, 0)
  const get = heir.transfer({ handoff, role: 'receives', epoch: 1, windowBytes: everything })
  assert.is(await nextNumber(get), 0)
  await predecessor.control.close()
  for (let passedMs = 0; passedMs <= leaseMs + 1000; passedMs += 1000) {
    relay.clock.advance(1000)
    await heir.ask({ case: 'renew', value: { $typeName: 'heirloom.wire.v1.Renew' } })
  }
  assert.equal(readEnd(await get.next(frameType.end)), { packs: 0, closed: false })
  const again = await relay.peer(predecessor.member)
  await park(again, handoff, 1)
  assert.is(await nextNumber(get), 1)
  await again.close(handoff, 2)
  assert.equal(readEnd(await get.next(frameType.end)), { packs: 2, closed: true })
})

test('old epoch: a get with one is refused, and a newer claim ends the get of the older heir when it is on disk', async () => {
  await using relay = new TestRelay()
  const [predecessor, heir, next] = [await relay.peer(), await relay.peer(), await relay.peer()]
  const handoff = await predecessor.offer()
  await park(predecessor, handoff, 0)
  await heir.claim(handoff)
  const get = heir.transfer({ handoff, role: 'receives', epoch: 1, windowBytes: everything })
  assert.is(await nextNumber(get), 0)
  relay.clock.advance(leaseMs / 2)
  await next.ask({ case: 'renew', value: { $typeName: 'heirloom.wire.v1.Renew' } })
  relay.records.saves.shut()
  for (let passedMs = 0; passedMs <= leaseMs / 2; passedMs += 1000) relay.clock.advance(1000)
  await get.next(frameType.end)
  const claim = next.claim(handoff)
  acknowledge(get, everything, 0)
  await settle()
  assert.is(get.left, 1, 'nothing but the welcome')
  relay.records.saves.open()
  await claim
  assert.is((await get.failure()).code, 'fenced')
  assert.is((await heir.transfer({ handoff, role: 'receives', epoch: 1, windowBytes: everything }).failure()).code, 'fenced')
  assert.is((await next.transfer({ handoff, role: 'receives', epoch: 1, windowBytes: everything }).failure()).code, 'fenced')
  assert.is(await nextNumber(next.transfer({ handoff, role: 'receives', epoch: 2, windowBytes: everything })), 0)
})

test('a pack that is damaged on disk is left out; the others go on', async () => {
  await using relay = new TestRelay()
  const [predecessor, heir] = [await relay.peer(), await relay.peer()]
  const handoff = await predecessor.offer()
  await park(predecessor, handoff, 0, 1)
  await predecessor.close(handoff, 2)
  await heir.claim(handoff)
  relay.packs.gets.shut()
  relay.packs.gets.failure = new HeirloomError('io', 'the checksum is wrong')
  const get = heir.transfer({ handoff, role: 'receives', epoch: 1, windowBytes: everything })
  await settle()
  relay.packs.gets.open()
  queueMicrotask(() => (relay.packs.gets.failure = undefined))
  assert.is(await nextNumber(get), 1)
  assert.equal(readEnd(await get.next(frameType.end)), { packs: 2, closed: true })
  assert.is(relay.warnings.length, 1)
})

test('a finished handoff ends the get and is gone from the store', async () => {
  await using relay = new TestRelay()
  const { heir, handoff } = await claimed(relay, 0)
  const get = heir.transfer({ handoff, role: 'receives', epoch: 1, windowBytes: everything })
  assert.is(await nextNumber(get), 0)
  await heir.finish(handoff, 1)
  assert.is((await get.failure()).code, 'not-found')
  await relay.relay.core.settled()
  assert.is(relay.packs.bytes(), 0)
})

test('packs whose record is gone are removed at the next start', async () => {
  await using relay = new TestRelay()
  const predecessor = await relay.peer()
  const handoff = await predecessor.offer()
  await park(predecessor, handoff, 0)
  await relay.records.delete({ pool: relay.pool.idHex, handoff: Buffer.from(handoff).toString('hex') })
  await relay.restart()
  await relay.relay.core.settled()
  assert.is(relay.packs.bytes(), 0)
})

test.run()
