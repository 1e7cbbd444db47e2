// The relay's two halves of a transfer: packs into the store, packs out of it.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { HeirloomError } from '../../src/errors.ts'
import { helloTimeoutMs, windowBytes } from '../../src/limits/lane.ts'
import { relayStreamPutsMax, relayWindowBytesTotal } from '../../src/limits/relay.ts'
import { packBytesMax } from '../../src/limits/wire.ts'
import { demandFrame } from '../../src/transfer/demand.ts'
import { acknowledgeFrame, readAcknowledge, readEnd, readWelcome } from '../../src/transfer/messages.ts'
import { packNumber } from '../../src/seal/pack-seal.ts'
import { frameType, makeFrame } from '../../src/wire/frame.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { channelPair } from '../helpers/channel-pair.ts'
import { leaseMs, packFrame, settle, TestRelay, TestTransfer, type RelayPeer } from '../helpers/relay-peer.ts'

const test = suite('transfer session')

const packBytes = 1000
const everything = windowBytes

async function openPut(peer: RelayPeer, handoff: Uint8Array): Promise<TestTransfer> {
  const put = peer.transfer({ handoff, role: 'sends' })
  await put.next(frameType.welcome)
  return put
}

/** Puts these packs and waits until they are acknowledged. */
async function park(peer: RelayPeer, handoff: Uint8Array, ...numbers: number[]): Promise<TestTransfer> {
  const put = await openPut(peer, handoff)
  for (const number of numbers) put.pack(number, packBytes)
  let acknowledged = 0
  while (acknowledged < numbers.length) acknowledged += readAcknowledge(await put.next(frameType.acknowledge)).packs.size
  return put
}

async function nextNumber(get: TestTransfer): Promise<number> {
  return packNumber((await get.next(frameType.pack)).body)
}

function acknowledge(get: TestTransfer, window: number, ...numbers: number[]): void {
  get.channel.send(acknowledgeFrame({ packs: PackSet.of(numbers), windowBytes: window }))
}

test('packs are acknowledged when they are durable, all that one sync covered in one frame', async () => {
  await using relay = new TestRelay()
  const predecessor = await relay.peer()
  const put = await openPut(predecessor, await predecessor.offer())
  relay.packs.puts.shut()
  for (const number of [0, 1, 2]) put.pack(number, packBytes)
  await settle()
  assert.is(put.left, 0)
  relay.packs.puts.open()
  assert.equal([...readAcknowledge(await put.next()).packs], [0, 1, 2])
})

test('a put that is taken up again is told what the store has, and a repeated pack changes nothing', async () => {
  await using relay = new TestRelay()
  const predecessor = await relay.peer()
  const handoff = await predecessor.offer()
  const first = await park(predecessor, handoff, 0, 2)
  const second = predecessor.transfer({ handoff, role: 'sends' })
  assert.equal([...readWelcome(await second.next()).have], [0, 2])
  assert.ok((await first.channel.closed) instanceof Error, 'the older stream is over')
  second.pack(2, packBytes)
  assert.equal([...readAcknowledge(await second.next()).packs], [2])
  assert.is(relay.packs.bytes(), 2 * packBytes)
})

test('only the predecessor may put, and only while the handoff is open', async () => {
  await using relay = new TestRelay()
  const [predecessor, other] = [await relay.peer(), await relay.peer()]
  const handoff = await predecessor.offer()
  assert.is((await other.transfer({ handoff, role: 'sends' }).failure()).code, 'not-found')
  assert.is((await predecessor.transfer({ handoff: new Uint8Array(16), role: 'sends' }).failure()).code, 'not-found')
  const put = await openPut(predecessor, handoff)
  await predecessor.close(handoff, 1)
  put.pack(0, packBytes)
  assert.equal([...readAcknowledge(await put.next()).packs], [0], 'it was closed with one pack')
  put.pack(1, packBytes)
  assert.is((await put.failure()).code, 'not-found')
  assert.is((await predecessor.transfer({ handoff, role: 'sends' }).failure()).code, 'not-found')
})

test('a stream on which no hello comes is ended, and one that begins with something else is refused', async () => {
  await using relay = new TestRelay()
  const silent = channelPair('somebody', 'relay')
  relay.relay.acceptTransfer(silent.far)
  relay.clock.advance(helloTimeoutMs)
  assert.ok((await silent.near.closed) instanceof Error)
  const { near, far } = channelPair('somebody', 'relay')
  relay.relay.acceptTransfer(far)
  const answer = new TestTransfer(near, far)
  near.send(packFrame(0, packBytes))
  assert.is((await answer.failure()).code, 'malformed')
})

test('a peer that has not enrolled is told to try again', async () => {
  await using relay = new TestRelay()
  const predecessor = await relay.peer()
  const handoff = await predecessor.offer()
  await predecessor.control.close()
  assert.is((await predecessor.transfer({ handoff, role: 'sends' }).failure()).code, 'busy')
})

test('full disk: the put ends with no-space, what was written before is acknowledged, another put goes on', async () => {
  await using relay = new TestRelay()
  const [full, other] = [await relay.peer(), await relay.peer()]
  const put = await openPut(full, await full.offer())
  const otherPut = await openPut(other, await other.offer())
  relay.packs.puts.shut()
  put.pack(0, packBytes)
  otherPut.pack(0, packBytes)
  await settle()
  relay.packs.puts.open()
  await settle()
  relay.packs.puts.failure = new HeirloomError('no-space', 'the disk is full')
  put.pack(1, packBytes)
  assert.equal([...readAcknowledge(await put.next()).packs], [0])
  assert.is((await put.failure()).code, 'no-space')
  relay.packs.puts.failure = undefined
  otherPut.pack(1, packBytes)
  assert.is(readAcknowledge(await otherPut.next()).packs.size + readAcknowledge(await otherPut.next()).packs.size, 2)
})

for (const [name, quota] of [
  ['one peer', { peer: 2500 }],
  ['one pool', { pool: 2500 }],
  ['all pools', { total: 2500 }],
] as const) {
  test(`a quota for ${name} is kept, also by packs that arrive together, and given back with the packs`, async () => {
    await using relay = new TestRelay({ quota })
    const [predecessor, heir] = [await relay.peer(), await relay.peer()]
    const handoff = await predecessor.offer()
    const put = await openPut(predecessor, handoff)
    for (const number of [0, 1, 2]) put.pack(number, packBytes)
    assert.equal([...readAcknowledge(await put.next()).packs], [0, 1])
    assert.is((await put.failure()).code, 'quota')
    await heir.claim(handoff)
    await heir.finish(handoff, 1)
    await relay.relay.core.settled()
    assert.is(relay.relay.core.quota.usedBytes(), 0)
    await park(predecessor, await predecessor.offer(), 0, 1)
  })
}

test('a sender that overruns its credit is cut off with too-large', async () => {
  await using relay = new TestRelay()
  const predecessor = await relay.peer()
  const put = await openPut(predecessor, await predecessor.offer())
  relay.packs.puts.shut()
  for (let number = 0; number * packBytesMax <= windowBytes + packBytesMax; number++) put.pack(number, packBytesMax)
  assert.is((await put.failure()).code, 'too-large')
})

test('bytes that are not a sealed pack end the stream as malformed', async () => {
  await using relay = new TestRelay()
  const predecessor = await relay.peer()
  const put = await openPut(predecessor, await predecessor.offer())
  put.channel.send(makeFrame(frameType.pack, new Uint8Array([1, 0])))
  assert.is((await put.failure()).code, 'malformed')
})

test('many predecessors at once share one budget of memory, and one too many is told to try again', async () => {
  await using relay = new TestRelay()
  let grantedBytes = 0
  for (let opened = 0; opened < relayStreamPutsMax; opened++) {
    const predecessor = await relay.peer()
    const put = predecessor.transfer({ handoff: await predecessor.offer(), role: 'sends' })
    grantedBytes = readWelcome(await put.next()).windowBytes * (opened + 1)
    assert.ok(grantedBytes <= relayWindowBytesTotal)
  }
  assert.ok(grantedBytes > relayWindowBytesTotal - relayStreamPutsMax, 'all of it is granted')
  const late = await relay.peer()
  assert.is((await late.transfer({ handoff: await late.offer(), role: 'sends' }).failure()).code, 'busy')
})

test('an heir gets what is stored in the order of the numbers, then what arrives, then the end', async () => {
  await using relay = new TestRelay()
  const [predecessor, heir] = [await relay.peer(), await relay.peer()]
  const handoff = await predecessor.offer()
  const put = await park(predecessor, handoff, 2, 0, 1)
  await heir.claim(handoff)
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
  const [predecessor, heir] = [await relay.peer(), await relay.peer()]
  const handoff = await predecessor.offer()
  await park(predecessor, handoff, 0, 1, 2, 3)
  await heir.claim(handoff)
  await predecessor.close(handoff, 4)
  const get = heir.transfer({ handoff, role: 'receives', epoch: 1, windowBytes: everything, have: PackSet.of([0, 2]) })
  assert.equal([await nextNumber(get), await nextNumber(get)], [1, 3])
  assert.ok(readEnd(await get.next(frameType.end)).closed)
})

test('no more is in flight to an heir than its window, and no more is read than one pack ahead', async () => {
  await using relay = new TestRelay()
  const [predecessor, heir] = [await relay.peer(), await relay.peer()]
  const handoff = await predecessor.offer()
  await park(predecessor, handoff, 0, 1, 2, 3, 4, 5)
  await heir.claim(handoff)
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
  const [predecessor, heir] = [await relay.peer(), await relay.peer()]
  const handoff = await predecessor.offer()
  await park(predecessor, handoff, 0, 1, 2, 3, 4, 5)
  await heir.claim(handoff)
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
  const [predecessor, heir] = [await relay.peer(), await relay.peer()]
  const handoff = await predecessor.offer()
  await park(predecessor, handoff, 0, 1, 2, 3, 4, 5)
  await heir.claim(handoff)
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
  const [predecessor, heir] = [await relay.peer(), await relay.peer()]
  const handoff = await predecessor.offer()
  await park(predecessor, handoff, 0, 1, 2, 3, 4, 5)
  await heir.claim(handoff)
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
  const [predecessor, heir] = [await relay.peer(), await relay.peer()]
  const handoff = await predecessor.offer()
  await park(predecessor, handoff, 0, 1, 2, 3, 4)
  await heir.claim(handoff)
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
  const [predecessor, heir] = [await relay.peer(), await relay.peer()]
  const handoff = await predecessor.offer()
  await park(predecessor, handoff, 0)
  await heir.claim(handoff)
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
  const [predecessor, heir] = [await relay.peer(), await relay.peer()]
  const handoff = await predecessor.offer()
  await park(predecessor, handoff, 0)
  await heir.claim(handoff)
  const get = heir.transfer({ handoff, role: 'receives', epoch: 1, windowBytes: everything })
  assert.is(await nextNumber(get), 0)
  await heir.finish(handoff, 1)
  assert.is((await get.failure()).code, 'not-found')
  await relay.relay.core.settled()
  assert.is(relay.packs.bytes(), 0)
})

test('packs that arrive while the relay drains are not taken; those being written are acknowledged', async () => {
  await using relay = new TestRelay()
  const predecessor = await relay.peer()
  const put = await openPut(predecessor, await predecessor.offer())
  relay.packs.puts.shut()
  put.pack(0, packBytes)
  await settle()
  const drained = relay.relay.drain({ signal: new AbortController().signal })
  put.pack(1, packBytes)
  await settle()
  relay.packs.puts.open()
  assert.equal([...readAcknowledge(await put.next()).packs], [0])
  assert.is((await put.failure()).code, 'draining')
  await drained
  assert.is(relay.packs.bytes(), packBytes)
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
