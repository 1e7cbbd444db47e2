// The simulated stream beside libp2p's own: the same happens on both.

import { noise } from '@chainsafe/libp2p-noise'
import type { Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createNoiseCrypto } from '../../src/net/noise-crypto.ts'
import { SeededRandom } from '../helpers/seed.ts'
import { EventLoop } from './event-loop.ts'
import { Lines } from './lines.ts'
import { MachineClock, Process } from './process.ts'
import { SimulatedStream } from './stream.ts'

const test = suite('simulated streams')

/** Both ends of a stream. */
interface Ends extends AsyncDisposable {
  readonly near: Stream
  readonly far: Stream
  /** Less than may come before it is read, and more. */
  readonly fewBytes: number
  readonly manyBytes: number
  /** All that was sent is there, or waits for what the other end does. */
  settle(): Promise<void>
}

async function simulated(): Promise<Ends> {
  const loop = new EventLoop()
  const random = new SeededRandom(1)
  const machine = (name: string) => new Process(name, loop, random, new MachineClock(loop, { rate: 1, wallMs: 0 }))
  const link = { latencyMs: 1, jitterMs: 0, bytesPerMs: 1000, transferLagMs: 0, isCut: false, whenHealed: new Set<() => void>() }
  const lines = new Lines({ loop, random }, link)
  const [near, far] = [new SimulatedStream(machine('near'), lines, 1), new SimulatedStream(machine('far'), lines, 2)]
  lines.join(near, far)
  return {
    near: near.asLibP2P,
    far: far.asLibP2P,
    fewBytes: 1_000,
    manyBytes: 10_000,
    settle: () => loop.run(loop.nowMs + 1000, () => false),
    async [Symbol.asyncDispose]() {},
  }
}

async function real(): Promise<Ends> {
  const windowBytes = 256 * 1024
  await using nodes = new AsyncDisposableStack()
  const node = async (listen: string[]) => {
    const libp2p = await createLibp2p({
      addresses: { listen },
      transports: [tcp()],
      connectionEncrypters: [noise({ crypto: createNoiseCrypto() })],
      streamMuxers: [
        yamux({
          streamOptions: { initialStreamWindowSize: windowBytes, maxStreamWindowSize: windowBytes, maxReadBufferLength: windowBytes },
        }),
      ],
    })
    nodes.defer(() => libp2p.stop())
    return libp2p
  }
  const [one, other] = [await node([]), await node(['/ip4/127.0.0.1/tcp/0'])]
  const accepted = Promise.withResolvers<Stream>()
  await other.handle('/test/1', (stream) => accepted.resolve(stream))
  await other.handle('/echo/1', (stream) => stream.addEventListener('message', ({ data }) => void stream.send(data)))
  const connection = await one.dial(other.getMultiaddrs())
  const near = await connection.newStream('/test/1')
  const echo = await connection.newStream('/echo/1')
  near.send(new Uint8Array(1))
  const far = await accepted.promise
  await new Promise((resolve) => far.addEventListener('message', resolve, { once: true }))
  const owned = nodes.move()
  return {
    near,
    far,
    fewBytes: 100_000,
    manyBytes: 1_000_000,
    // What goes over one connection stays in order. A few rounds: what arrives may be answered, and that again.
    async settle() {
      for (let round = 0; round < 40; round++) {
        echo.send(new Uint8Array(1))
        await new Promise((resolve) => echo.addEventListener('message', resolve, { once: true }))
      }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** What has happened at the far end since. */
function watch(far: Stream): { take(): (string | number)[] } {
  const events: (string | number)[] = []
  far.addEventListener('message', ({ data }) => {
    const before = events.at(-1)
    if (typeof before === 'number') events[events.length - 1] = before + data.byteLength
    else events.push(data.byteLength)
  })
  far.addEventListener('remoteCloseWrite', () => events.push('the other side has ended'))
  far.addEventListener('close', ({ error }) => events.push(error === undefined ? 'closed' : 'broken'))
  return { take: () => events.splice(0) }
}

for (const [name, open] of Object.entries({ simulated, real })) {
  test(`${name}: what comes while it is paused is kept, and handed out at once, in order, when it goes on`, async () => {
    await using ends = await open()
    const { near, far, fewBytes } = ends
    const bytes: number[] = []
    far.addEventListener('message', ({ data }) => bytes.push(...data.subarray()))
    far.pause()
    for (let value = 0; value < 3; value++) near.send(new Uint8Array(fewBytes / 4).fill(value))
    await ends.settle()
    assert.equal(bytes, [])
    far.resume()
    assert.is(bytes.length, (fewBytes / 4) * 3)
    assert.equal([...new Set(bytes)], [0, 1, 2])
    assert.equal(
      bytes,
      bytes.toSorted((one, other) => one - other),
    )
  })

  test(`${name}: a paused end lets a window come, and the rest waits where it is sent`, async () => {
    await using ends = await open()
    const { near, far, manyBytes } = ends
    const events = watch(far)
    let drains = 0
    near.addEventListener('drain', () => drains++)
    far.pause()
    assert.not(near.send(new Uint8Array(manyBytes)))
    await ends.settle()
    assert.equal([events.take(), drains, near.writableNeedsDrain], [[], 0, true])
    far.resume()
    const [first] = events.take()
    assert.ok(typeof first === 'number' && first < manyBytes)
    await ends.settle()
    assert.equal([events.take(), drains > 0, near.writableNeedsDrain], [[manyBytes - first], true, false])
  })

  test(`${name}: the end of the other side is told while it is paused, before what has come`, async () => {
    await using ends = await open()
    const { near, far, fewBytes } = ends
    const events = watch(far)
    far.pause()
    near.send(new Uint8Array(fewBytes))
    await near.close()
    await ends.settle()
    assert.equal(events.take(), ['the other side has ended'])
    far.resume()
    assert.equal(events.take(), [fewBytes])
  })

  test(`${name}: a break is told while it is paused, and what has come is lost`, async () => {
    await using ends = await open()
    const { near, far, fewBytes } = ends
    const events = watch(far)
    far.pause()
    near.send(new Uint8Array(fewBytes))
    await ends.settle()
    near.abort(new Error('injected'))
    await ends.settle()
    assert.equal(events.take(), ['broken'])
  })

  test(`${name}: who pauses while what has waited is handed out is paused, but more comes than there is room for`, async () => {
    await using ends = await open()
    const { near, far, manyBytes } = ends
    const events = watch(far)
    far.pause()
    near.send(new Uint8Array(manyBytes))
    await ends.settle()
    far.addEventListener('message', () => far.pause(), { once: true })
    far.resume()
    assert.type(events.take()[0], 'number')
    await ends.settle()
    assert.equal(events.take(), ['broken'])
  })
}

test.run()
