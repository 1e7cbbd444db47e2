// The relay's half of a transfer into its store.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { HeirloomError } from '../../src/errors.ts'
import { helloTimeoutMs, windowBytes } from '../../src/limits/lane.ts'
import { firstPutWindowBytes, relayStreamPutsMax, relayWindowBytesTotal } from '../../src/limits/relay.ts'
import { packBytesMax } from '../../src/limits/wire.ts'
import { readAcknowledge, readWelcome } from '../../src/transfer/messages.ts'
import { frameType, makeFrame } from '../../src/wire/frame.ts'
import { channelPair } from '../helpers/channel-pair.ts'
import { openPut, park, parkedBytes } from '../helpers/parked.ts'
import { packFrame, settle, TestRelay, TestTransfer } from '../helpers/relay-peer.ts'

const test = suite('put session')

const packBytes = parkedBytes

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
  const puts: TestTransfer[] = []
  for (let opened = 0; opened < relayStreamPutsMax; opened++) {
    const predecessor = await relay.peer()
    const put = predecessor.transfer({ handoff: await predecessor.offer(), role: 'sends' })
    assert.is(readWelcome(await put.next()).windowBytes, Math.min(firstPutWindowBytes, relayWindowBytesTotal / (opened + 1)))
    puts.push(put)
  }
  let grantedBytes = 0
  for (const put of puts) {
    put.pack(0, packBytes)
    grantedBytes += readAcknowledge(await put.next()).windowBytes
  }
  assert.ok(grantedBytes <= relayWindowBytesTotal)
  assert.ok(grantedBytes > relayWindowBytesTotal - relayStreamPutsMax, 'all of it is granted')
  const late = await relay.peer()
  assert.is((await late.transfer({ handoff: await late.offer(), role: 'sends' }).failure()).code, 'busy')
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

test.run()
