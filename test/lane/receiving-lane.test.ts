// When a receiver acknowledges what it has settled: beside a data socket each acknowledgement costs as much as a part of a pack.

import { randomBytes } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ReceivingLane, type ArrivedPack } from '../../src/lane/receiving-lane.ts'
import { acknowledgeGatherMs, acknowledgeGatherShare, acknowledgeGatherTimesMax } from '../../src/limits/lane.ts'
import { PackSealer } from '../../src/seal/pack-seal.ts'
import { readAcknowledge } from '../../src/transfer/messages.ts'
import { frameType, makeFrame } from '../../src/wire/frame.ts'
import { channelPair } from '../helpers/channel-pair.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('receiving lane')

const packBytes = 1000
const windowBytes = 100_000

/** A receiver that settles every pack at once. */
class Bench {
  readonly clock = new ManualClock(0)
  /** The packs that each acknowledgement was of. */
  readonly acknowledged: number[] = []
  readonly #channel: ReturnType<typeof channelPair>['near']
  readonly #sealer = new PackSealer({ key: randomBytes(32), pool: randomBytes(32), handoff: randomBytes(16) })
  #packs = 0
  #seen = 0

  constructor() {
    const { near, far } = channelPair('near', 'far')
    this.#channel = near
    near.onFrame((frame) => {
      assert.is(frame.type, frameType.acknowledge)
      const { packs } = readAcknowledge(frame)
      this.acknowledged.push(packs.size - this.#seen)
      this.#seen = packs.size
    })
    const pack = ({ settle }: ArrivedPack) => settle()
    new ReceivingLane(far, { windowBytes, gather: { clock: this.clock, share: acknowledgeGatherShare } }, { pack, ended() {}, closed() {} })
  }

  async send(count: number): Promise<void> {
    for (let sent = 0; sent < count; sent++)
      this.#channel.send(makeFrame(frameType.pack, this.#sealer.seal(this.#packs++, [new Uint8Array(packBytes)]).pieces))
    await turn()
  }

  async pass(durationMs: number): Promise<void> {
    this.clock.advance(durationMs)
    await turn()
  }
}

/** What is under way between the two ends has arrived. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

test('packs that come together are acknowledged together, a moment after the last', async () => {
  const bench = new Bench()
  await bench.send(3)
  assert.equal(bench.acknowledged, [])
  await bench.pass(2 * acknowledgeGatherMs)
  assert.equal(bench.acknowledged, [3])
})

test('while packs come their acknowledgement waits, but not for ever', async () => {
  const bench = new Bench()
  await bench.send(1)
  for (let time = 1; time < acknowledgeGatherTimesMax; time++) {
    await bench.send(1)
    await bench.pass(acknowledgeGatherMs)
    assert.equal(bench.acknowledged, [])
  }
  await bench.send(1)
  await bench.pass(acknowledgeGatherMs)
  assert.equal(bench.acknowledged, [acknowledgeGatherTimesMax + 1])
})

test('a share of the window is acknowledged at once', async () => {
  const bench = new Bench()
  const share = Math.ceil((windowBytes * acknowledgeGatherShare) / packBytes)
  await bench.send(share)
  assert.is(bench.acknowledged.length, 1)
})

test.run()
