// The relay's transfers over data sockets: the same rules as on streams, and tags on what nobody here can open.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { relayStatus } from '../../relay/web.ts'
import { createRelayMetrics } from '../../relay/metrics.ts'
import { systemClock } from '../../src/clock.ts'
import { DataEnd } from '../../src/lane/data-end.ts'
import { PackTags } from '../../src/lane/pack-tags.ts'
import { dataWindowBytes, windowBytes } from '../../src/limits/lane.ts'
import { firstPutWindowBytes } from '../../src/limits/relay.ts'
import { packNumber } from '../../src/seal/pack-seal.ts'
import {
  acknowledgeFrame,
  readAcknowledge,
  readEnd,
  readPosition,
  readWelcome,
  type DataOfferMessage,
} from '../../src/transfer/messages.ts'
import { encodeFrame, FrameDecoder, frameType } from '../../src/wire/frame.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { until } from '../contract/lane.ts'
import { nowMs } from '../helpers/pool.ts'
import { showToken } from '../helpers/raw-socket.ts'
import { packFrame, TestRelay, type RelayPeer, type TestTransfer } from '../helpers/relay-peer.ts'

const test = suite('data transfer at the relay')

const packBytes = 1000

async function openRelay() {
  // With real timers: what they wait for is on real sockets. The certificates are of another time.
  const clock = { ...systemClock, nowMs: () => nowMs }
  const data = await DataEnd.open({ host: '127.0.0.1', port: 0, clock })
  const relay = new TestRelay({ data, clock })
  return {
    relay,
    data,
    async [Symbol.asyncDispose]() {
      // Transfers end with it, and their sockets with them.
      await relay.relay.drain({ signal: AbortSignal.timeout(10_000) })
      await relay[Symbol.asyncDispose]()
      await data[Symbol.asyncDispose]()
    },
  }
}

async function open(
  peer: RelayPeer,
  handoff: Uint8Array,
  role: 'sends' | 'receives',
  epoch = 0,
): Promise<[TestTransfer, DataOfferMessage]> {
  const transfer = peer.transfer({ handoff, role, epoch, windowBytes }, 'socket')
  return [transfer, readWelcome(await transfer.next(frameType.welcome)).data!]
}

/** Packs as they go over a socket whose offer this is. */
function tagged(key: Uint8Array, ...numbers: number[]): Buffer {
  const tags = new PackTags(key)
  return Buffer.concat(
    numbers.flatMap((number) => {
      const frame = packFrame(number, packBytes)
      return [...encodeFrame(frame), tags.next(frame.body)]
    }),
  )
}

test('a put by data socket: packs with tags are stored and acknowledged on the stream', async () => {
  await using at = await openRelay()
  const predecessor = await at.relay.peer()
  const handoff = await predecessor.offer()
  const [put, { port, token, key }] = await open(predecessor, handoff, 'sends')
  assert.is(port, at.data.port!.port)
  const raw = await showToken(port, token, tagged(key!, 0, 1, 2))
  const acknowledged = new PackSet()
  while (acknowledged.size < 3) acknowledged.addAll(readAcknowledge(await put.next(frameType.acknowledge)).packs)
  assert.is(at.relay.packs.bytes(), 3 * packBytes)
  assert.equal(relayStatus(at.relay.relay.core, 'r').dataSockets, { port, pending: 0, accepted: 1, refused: 0 })
  assert.match(await createRelayMetrics(at.relay.relay.core).metrics(), /heirloom_relay_data_sockets_total 1/)
  await put.channel.close()
  assert.is(await raw.heardBytes, 0)
})

test('a pack takes room until it is durable, and is acknowledged only then', async () => {
  await using at = await openRelay()
  const predecessor = await at.relay.peer()
  const [put, { port, token, key }] = await open(predecessor, await predecessor.offer(), 'sends')
  const { packs, relay } = at.relay
  const { roomIn } = relay.core.transfers
  packs.puts.shut()
  packs.syncs.shut()
  await showToken(port, token, tagged(key!, 0))
  await until(() => packs.puts.waiting === 1)
  assert.is(roomIn.takenBytes, packBytes)
  packs.puts.open()
  await until(() => packs.syncs.waiting === 1)
  assert.equal([roomIn.takenBytes, put.left], [packBytes, 0])
  packs.syncs.open()
  assert.equal([...readAcknowledge(await put.next(frameType.acknowledge)).packs], [0])
  await until(() => roomIn.takenBytes === 0)
})

test('a put by data socket has a larger window than one by the stream, from its first acknowledgement on', async () => {
  await using at = await openRelay()
  const predecessor = await at.relay.peer()
  const told = async (way: 'stream' | 'socket') => {
    const put = predecessor.transfer({ handoff: await predecessor.offer(), role: 'sends' }, way)
    const welcome = readWelcome(await put.next(frameType.welcome))
    if (welcome.data === undefined) put.pack(0, packBytes)
    else await showToken(welcome.data.port, welcome.data.token, tagged(welcome.data.key!, 0))
    const { windowBytes } = readAcknowledge(await put.next(frameType.acknowledge))
    await put.channel.close()
    return [welcome.windowBytes, windowBytes]
  }
  assert.equal(await told('stream'), [firstPutWindowBytes, windowBytes])
  assert.equal(await told('socket'), [firstPutWindowBytes, dataWindowBytes])
})

test('a put whose packs have no tags, or the tags of another socket, is refused, and nothing of it is stored', async () => {
  await using at = await openRelay()
  const predecessor = await at.relay.peer()
  const handoff = await predecessor.offer()
  const plain = Buffer.concat([0, 1].flatMap((number) => encodeFrame(packFrame(number, packBytes))))
  for (const bytes of [plain, tagged(new Uint8Array(32), 0)]) {
    const [put, { port, token }] = await open(predecessor, handoff, 'sends')
    const raw = await showToken(port, token, bytes)
    assert.is((await put.failure()).code, 'unauthorised')
    await raw.heardBytes
    assert.is(at.relay.packs.bytes(), 0)
  }
})

test('a get by data socket: the store is served without tags, and the end says after how many packs it is', async () => {
  await using at = await openRelay()
  const [predecessor, heir] = [await at.relay.peer(), await at.relay.peer()]
  const handoff = await predecessor.offer()
  const [put, putOffer] = await open(predecessor, handoff, 'sends')
  await showToken(putOffer.port, putOffer.token, tagged(putOffer.key!, 0, 1))
  await put.next(frameType.acknowledge)
  await until(() => at.relay.packs.bytes() === 2 * packBytes)
  await predecessor.close(handoff, 2)
  const { result } = await heir.claim(handoff)
  assert.is(result.case, 'assignment')
  const [get, offer] = await open(heir, handoff, 'receives', 1)
  assert.is(offer.key, undefined)
  const raw = await showToken(offer.port, offer.token)
  const decoder = new FrameDecoder()
  const numbers: number[] = []
  raw.socket.on('data', (data) => numbers.push(...decoder.push(new Uint8Array(data)).map((frame) => packNumber(frame.body))))
  await until(() => numbers.length === 2)
  assert.equal(numbers, [0, 1])
  assert.is(readPosition(await get.next(frameType.position)), 2)
  assert.equal(readEnd(await get.next(frameType.end)), { packs: 2, closed: true })
  get.channel.send(acknowledgeFrame({ packs: PackSet.of(numbers), windowBytes }))
  await get.channel.close()
  await raw.heardBytes
})

test('only an heir gets a token, and only the predecessor one to put', async () => {
  await using at = await openRelay()
  const [predecessor, other] = [await at.relay.peer(), await at.relay.peer()]
  const handoff = await predecessor.offer()
  assert.is((await other.transfer({ handoff, role: 'sends' }, 'socket').failure()).code, 'not-found')
  assert.is((await other.transfer({ handoff, role: 'receives', epoch: 1 }, 'socket').failure()).code, 'fenced')
})

test('an older put ends with its socket when a newer one begins', async () => {
  await using at = await openRelay()
  const predecessor = await at.relay.peer()
  const handoff = await predecessor.offer()
  const [first, { port, token }] = await open(predecessor, handoff, 'sends')
  const raw = await showToken(port, token)
  await until(() => at.data.port!.accepted === 1)
  await open(predecessor, handoff, 'sends')
  assert.ok((await first.channel.closed) instanceof Error)
  assert.is(await raw.heardBytes, 0)
})

test('a relay without a data port says so, and takes no transfers that need one', async () => {
  await using relay = new TestRelay()
  const predecessor = await relay.peer()
  const { result } = await predecessor.enrol()
  assert.is(result.case === 'enrolled' && result.value.dataPort, 0)
  const handoff = await predecessor.offer()
  assert.is((await predecessor.transfer({ handoff, role: 'sends' }, 'socket').failure()).code, 'unsupported')
})

test.run()
