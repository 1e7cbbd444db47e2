// A data socket is plain TCP: whoever is on the way may read it, end it and write to it. What that can lead to: the end of the lane, and
// nothing else.
// runs on: node, deno

import { randomBytes } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../src/clock.ts'
import { DataEnd } from '../../src/lane/data-end.ts'
import { PackWriter } from '../../src/lane/pack-writer.ts'
import { dataSocketTimeoutMs, dataWriteTimeoutMs, positionedFramesMax } from '../../src/limits/lane.ts'
import { packBytesMax, packBytesTarget } from '../../src/limits/wire.ts'
import { PackOpener, PackSealer } from '../../src/seal/pack-seal.ts'
import {
  demandFrame,
  endFrame,
  helloFrame,
  positionFrame,
  readFailure,
  readHello,
  readWelcome,
  welcomeFrame,
} from '../../src/transfer/messages.ts'
import { freeMemory } from '../../src/wire/free-memory.ts'
import { encodeFrame, frameType, makeFrame, type Frame } from '../../src/wire/frame.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { testPack, until } from '../contract/lane.ts'
import { channelPair } from '../helpers/channel-pair.ts'
import { acceptDataLane, hello, host, listeningEnd, openDataLane } from '../helpers/data-lane.ts'
import { DataProxy } from '../helpers/data-proxy.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { nowMs } from '../helpers/pool.ts'
import { showToken } from '../helpers/raw-socket.ts'

const test = suite('data socket, attacked')

const tagBytes = 16

/** What somebody on the way may do to five packs: what goes on when frame `index` comes. */
function meddlings(): Record<string, (frame: Buffer, index: number) => readonly Buffer[]> {
  let kept: Buffer = Buffer.alloc(0)
  return {
    altered: (frame, index) => {
      if (index === 2) frame[20]! ^= 1
      return [frame]
    },
    repeated: (frame, index) => (index === 2 ? [frame, frame] : [frame]),
    'left out': (frame, index) => (index === 2 ? [] : [frame]),
    reordered: (frame, index) => {
      if (index !== 2) return index === 3 ? [frame, kept] : [frame]
      kept = frame
      return []
    },
    swapped: (frame, index) => {
      // The third's content under the number of the fourth.
      if (index === 2) kept = Buffer.from(frame)
      return index === 3 ? [Buffer.concat([frame.subarray(0, 13), kept.subarray(13)])] : [frame]
    },
  }
}

for (const what of Object.keys(meddlings())) {
  test(`on a put, a pack that was ${what} ends the lane, and nothing after it is taken`, async () => {
    await using listening = await listeningEnd()
    await using proxy = await DataProxy.open({ packsFrom: 'dialer', tagBytes, meddle: meddlings()[what]! })
    const codes: (string | undefined)[] = []
    await using opened = await openDataLane({
      sender: new DataEnd(systemClock),
      receiver: proxy.before(listening),
      withKey: true,
      events: { closed: (error) => codes.push(error?.code) },
    })
    for (const number of [0, 1, 2, 3, 4]) opened.lane.send(testPack(number))
    await until(() => codes.length === 1)
    assert.equal(codes, ['unauthorised'])
    const numbers = opened.arrived.map(({ number }) => number)
    assert.equal(numbers, { repeated: [0, 1, 2], swapped: [0, 1, 2] }[what] ?? [0, 1])
  })
}

for (const what of Object.keys(meddlings())) {
  test(`on the way to an heir, a pack that was ${what} is refused, or does no harm`, async () => {
    await using listening = await listeningEnd()
    await using proxy = await DataProxy.open({ packsFrom: 'listener', meddle: meddlings()[what]! })
    const key = { key: randomBytes(32), pool: randomBytes(32), handoff: randomBytes(16) }
    const [sealer, opener] = [new PackSealer(key), new PackOpener(key)]
    const plain = [0, 1, 2, 3, 4].map((number) => Buffer.alloc(200, number))
    let isOver = false
    await using opened = await openDataLane({
      sender: proxy.before(listening),
      receiver: new DataEnd(systemClock),
      onPack: ({ number, pieces }) => assert.equal(Buffer.from(opener.open(pieces).plain), plain[number]),
      events: { closed: () => void (isOver = true) },
    })
    for (const [number, content] of plain.entries()) opened.lane.send(sealer.seal(number, [content]))
    opened.lane.end({ packs: 5, closed: true })
    const isDone = { repeated: () => isOver, altered: () => isOver, swapped: () => isOver }[what]
    await until(isDone ?? (() => opened.arrived.length === (what === 'left out' ? 4 : 5)))
    const numbers = opened.arrived.map(({ number }) => number)
    assert.equal(
      numbers,
      { repeated: [0, 1, 2], altered: [0, 1], swapped: [0, 1, 2], 'left out': [0, 1, 3, 4], reordered: [0, 1, 3, 2, 4] }[what],
    )
    // What was left out is missed: the end waits for it.
    if (what === 'left out') assert.equal(opened.ended, [])
  })
}

test('a token that was stolen on the way to a relay lets the thief end the lane, and put nothing', async () => {
  await using receiver = await listeningEnd()
  const { near, far } = channelPair('near', 'far', host)
  const accepted = acceptDataLane(far, { receiver, withKey: true })
  const answers = framesOf(near)
  near.send(helloFrame(hello))
  const { data } = readWelcome(await answers.next(frameType.welcome))
  const [pack] = [Buffer.concat(encodeFrame(makeFrame(frameType.pack, testPack(0).pieces)))]
  await (
    await showToken(data!.port, data!.token, pack, randomBytes(tagBytes))
  ).heardBytes
  assert.is(readFailure(await answers.next(frameType.failure)).code, 'unauthorised')
  assert.is((await accepted.closed)?.code, 'unauthorised')
  assert.is(accepted.arrived.length, 0)
})

test('a token that was stolen on the way to an heir: the heir is refused by the socket, and the lane gives its packs back', async () => {
  const clock = new ManualClock(nowMs)
  await using listening = await listeningEnd(clock)
  const { near, far } = channelPair('near', 'far', host)
  const closed = Promise.withResolvers<readonly number[]>()
  const opening = openDataLane({
    sender: listening,
    receiver: new DataEnd(systemClock),
    streams: { near, far: Promise.resolve(far) },
    steal: async ({ port, token }) => void (await showToken(port, token)),
    events: { closed: (_error, inFlight) => closed.resolve(inFlight) },
  })
  await using opened = await opening
  opened.lane.send(testPack(0))
  assert.equal(await closed.promise, [0])
  assert.is(opened.arrived.length, 0)
  assert.is((await opened.received)?.code, 'link-lost')
})

test('a receiver that never reads makes the sender wait, within its bounds, and then give up', async () => {
  const clock = new ManualClock(nowMs)
  await using sender = await listeningEnd(clock)
  const { near, far } = channelPair('near', 'far', host)
  const greeted = framesOf(far)
  const closed = Promise.withResolvers<{ code: string | undefined; inFlight: readonly number[] }>()
  const opening = openDataLane({
    sender,
    receiver: sender,
    streams: { near, far: new Promise(() => {}) },
    isAlone: true,
    events: { closed: (error, inFlight) => closed.resolve({ code: error?.code, inFlight }) },
  })
  const { data } = readHello(await greeted.next(frameType.hello))
  far.send(welcomeFrame({ certificate: new Uint8Array(0), have: new PackSet(), windowBytes: 1 << 30 }))
  const raw = await showToken(data!.port, data!.token)
  raw.socket.pause()
  const { lane } = await opening
  let sent = 0
  await until(() => {
    if (lane.canSend(packBytesMax)) lane.send(testPack(sent++, packBytesMax))
    // A full transport stays full: what the system buffers is less than this.
    return sent === 200 || isStill(lane.canSend(1))
  })
  assert.ok(sent < 200, 'it stopped though the credit would have let it go on')
  clock.advance(dataWriteTimeoutMs)
  const { code, inFlight } = await closed.promise
  assert.is(code, 'timeout')
  assert.is(inFlight.length, sent)
  raw.socket.destroy()
  assert.is(clock.waiting, 0)
})

test('a receiver that talks on the data socket, and a sender that sends more than the window, end the lane', async () => {
  await using sender = await listeningEnd()
  const talking = channelPair('near', 'far', host)
  const greeted = framesOf(talking.far)
  const codes: (string | undefined)[] = []
  const opening = openDataLane({
    sender,
    receiver: sender,
    streams: { near: talking.near, far: new Promise(() => {}) },
    isAlone: true,
    events: { closed: (error) => codes.push(error?.code) },
  })
  const offer = readHello(await greeted.next(frameType.hello)).data!
  talking.far.send(welcomeFrame({ certificate: new Uint8Array(0), have: new PackSet(), windowBytes: 1000 }))
  const raw = await showToken(offer.port, offer.token)
  await opening
  raw.socket.write('acknowledge')
  await until(() => codes.length === 1)
  assert.equal(codes, ['malformed'])

  await using receiver = await listeningEnd()
  const { near, far } = channelPair('near', 'far', host)
  const accepted = acceptDataLane(far, { receiver, windowBytes: 1000 })
  const answers = framesOf(near)
  near.send(helloFrame(hello))
  const { data } = readWelcome(await answers.next(frameType.welcome))
  const packs = [0, 1, 2, 3, 4, 5].map((number) =>
    Buffer.concat(encodeFrame(makeFrame(frameType.pack, testPack(number, packBytesTarget).pieces))),
  )
  await showToken(data!.port, data!.token, ...packs)
  assert.is((await accepted.closed)?.code, 'too-large')
})

test('packs on the stream, positions from a receiver and endless frames behind a position end the transfer', async () => {
  for (const [code, frames] of [
    ['malformed', [makeFrame(frameType.pack, testPack(0).pieces)]],
    ['too-large', [positionFrame(1), ...Array.from({ length: positionedFramesMax }, () => endFrame({ packs: 1, closed: true }))]],
  ] as const) {
    await using receiver = await listeningEnd()
    const { near, far } = channelPair('near', 'far', host)
    const accepted = acceptDataLane(far, { receiver })
    const answers = framesOf(near)
    near.send(helloFrame(hello))
    await answers.next(frameType.welcome)
    for (const frame of frames) near.send(frame)
    assert.is((await accepted.closed)?.code, code)
  }
})

test('a transfer for which no socket comes ends in time', async () => {
  const clock = new ManualClock(nowMs)
  await using receiver = await listeningEnd(clock)
  const { near, far } = channelPair('near', 'far', host)
  const accepted = acceptDataLane(far, { receiver })
  const answers = framesOf(near)
  near.send(helloFrame(hello))
  await answers.next(frameType.welcome)
  near.send(demandFrame(new PackSet()))
  clock.advance(dataSocketTimeoutMs)
  assert.is((await accepted.closed)?.code, 'timeout')
})

test('memory that is being written is not given back, however early it was acknowledged', async () => {
  await using listening = await listeningEnd()
  const taken = Promise.withResolvers<Parameters<PackWriter['open']>[0]>()
  using expected = listening.port!.expect((socket) => taken.resolve(socket))
  const raw = await showToken(listening.port!.port, expected.token)
  raw.socket.pause()
  const writer = new PackWriter(systemClock, () => {})
  writer.open(await taken.promise, undefined)
  const frames = Array.from({ length: 8 }, () => makeFrame(frameType.pack, [new Uint8Array(packBytesMax).fill(7)]))
  for (const frame of frames) writer.write(frame)
  for (const { body } of frames) writer.letGo(body, () => freeMemory(body))
  const last = frames.at(-1)!.body[0]!
  assert.is(last.byteLength, packBytesMax, 'it is still to be written')
  raw.socket.resume()
  await until(() => last.byteLength === 0)
  writer.end()
  raw.socket.destroy()
})

test.run()

/** Frames that come on a channel, to be waited for. */
function framesOf(channel: { onFrame(handler: (frame: Frame) => void): void }) {
  const got: Frame[] = []
  channel.onFrame((frame) => void got.push(frame))
  return {
    async next(type: Frame['type']): Promise<Frame> {
      await until(() => got.some((frame) => frame.type === type))
      return got.find((frame) => frame.type === type)!
    },
  }
}

let turnsFull = 0

/** Whether a transport has been full for many turns of the event loop. */
function isStill(hasRoom: boolean): boolean {
  turnsFull = hasRoom ? 0 : turnsFull + 1
  return turnsFull > 2000
}
