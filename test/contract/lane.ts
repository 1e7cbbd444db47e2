// What every lane must do, whatever carries it. A suite for a lane gives a way to open one against a receiver.

import * as assert from 'uvu/assert'
import type { suite } from 'uvu'
import type { LaneEvents, SendingLane } from '../../src/lane/lane.ts'
import type { ArrivedPack, ReceivingLane } from '../../src/lane/receiving-lane.ts'
import type { EndMessage } from '../../src/transfer/messages.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import type { SealedPack } from '../../src/wire/sealed-pack.ts'

export interface OpenedLane extends AsyncDisposable {
  readonly lane: SendingLane
  readonly receiver: ReceivingLane
  /** Packs that arrived at the receiver; the suite settles them. */
  readonly arrived: ArrivedPack[]
  readonly ended: EndMessage[]
  /** Breaks what carries the lane, without a word. */
  cut(): void
}

export type OpenLane = (options: { have: PackSet; windowBytes: number; events: Partial<LaneEvents> }) => Promise<OpenedLane>

export function testPack(number: number, bytes = 1000): SealedPack {
  const piece = new Uint8Array(bytes)
  piece[0] = 1
  new DataView(piece.buffer).setUint32(4, number)
  return { number, pieces: [piece], bytes }
}

/** Resolves when `is` holds; looked at after every turn of the event loop. */
export async function until(is: () => boolean): Promise<void> {
  while (!is()) await new Promise((resolve) => setImmediate(resolve))
}

export function laneContract(test: ReturnType<typeof suite>, open: OpenLane): void {
  test('it says what the other side has', async () => {
    await using opened = await open({ have: PackSet.of([1, 2, 7]), windowBytes: 10_000, events: {} })
    assert.equal([...opened.lane.have], [1, 2, 7])
  })

  test('packs arrive bit for bit, in order, and are acknowledged when they are settled and not before', async () => {
    const acknowledged: number[] = []
    await using opened = await open({
      have: new PackSet(),
      windowBytes: 100_000,
      events: { acknowledged: (numbers) => acknowledged.push(...numbers) },
    })
    for (const number of [0, 1, 2]) opened.lane.send(testPack(number))
    await until(() => opened.arrived.length === 3)
    assert.equal(
      opened.arrived.map(({ number }) => number),
      [0, 1, 2],
    )
    assert.equal(Buffer.concat(opened.arrived[1]!.pieces), Buffer.from(testPack(1).pieces[0]!))
    assert.equal(acknowledged, [])
    assert.is(opened.lane.inFlightBytes, 3000)
    opened.arrived[1]!.settle()
    await until(() => acknowledged.length === 1)
    assert.equal(acknowledged, [1])
    assert.ok(opened.lane.have.has(1))
    assert.is(opened.lane.inFlightBytes, 2000)
  })

  test('credit: beyond the window nothing may go until something is acknowledged, but one pack always may', async () => {
    let rooms = 0
    await using opened = await open({ have: new PackSet(), windowBytes: 1500, events: { room: () => rooms++ } })
    assert.ok(opened.lane.canSend(1_000_000), 'with nothing in flight one pack may go')
    opened.lane.send(testPack(0))
    assert.not.ok(opened.lane.canSend(1000))
    await until(() => opened.arrived.length === 1)
    opened.arrived[0]!.settle()
    await until(() => rooms > 0)
    assert.ok(opened.lane.canSend(1000))
  })

  test('a wider window is told at once, with nothing to acknowledge', async () => {
    let rooms = 0
    await using opened = await open({ have: new PackSet(), windowBytes: 500, events: { room: () => rooms++ } })
    opened.lane.send(testPack(0))
    assert.not.ok(opened.lane.canSend(1000))
    opened.receiver.grant(4000)
    await until(() => rooms > 0)
    assert.ok(opened.lane.canSend(1000))
    assert.is(opened.lane.inFlightBytes, 1000)
  })

  test('one pack may go beyond the credit, also when less was granted since what is in flight was sent', async () => {
    let rooms = 0
    await using opened = await open({ have: new PackSet(), windowBytes: 2000, events: { room: () => rooms++ } })
    for (const number of [0, 1]) opened.lane.send(testPack(number))
    await until(() => opened.arrived.length === 2)
    opened.receiver.grant(500)
    await until(() => rooms > 0)
    assert.not.ok(opened.lane.canSend(1000))
    assert.ok(opened.lane.canHurry())
    opened.lane.send(testPack(2))
    assert.not.ok(opened.lane.canHurry(), 'one')
    await until(() => opened.arrived.length === 3)
    opened.arrived[2]!.settle()
    await until(() => opened.lane.have.has(2))
    assert.ok(opened.lane.canHurry(), 'and the next once it is settled')
  })

  test('the end is told, and the lane stays open for acknowledgements', async () => {
    const acknowledged: number[] = []
    await using opened = await open({
      have: new PackSet(),
      windowBytes: 10_000,
      events: { acknowledged: (numbers) => acknowledged.push(...numbers) },
    })
    opened.lane.send(testPack(0))
    opened.lane.end({ packs: 1, closed: true })
    await until(() => opened.ended.length === 1)
    assert.equal(opened.ended, [{ packs: 1, closed: true }])
    opened.arrived[0]!.settle()
    await until(() => acknowledged.length === 1)
  })

  test('what the receiver demands reaches the sender', async () => {
    const demanded: number[][] = []
    await using opened = await open({
      have: new PackSet(),
      windowBytes: 10_000,
      events: { demanded: ({ packs }) => demanded.push([...packs]) },
    })
    opened.receiver.demand({ packs: PackSet.of([3, 9]) })
    await until(() => demanded.length === 1)
    assert.equal(demanded, [[3, 9]])
  })

  test('when it is cut, it says so once, with what was in flight', async () => {
    const closed: (readonly number[])[] = []
    await using opened = await open({
      have: new PackSet(),
      windowBytes: 10_000,
      events: { closed: (_error, inFlight) => closed.push(inFlight) },
    })
    for (const number of [4, 5]) opened.lane.send(testPack(number))
    await until(() => opened.arrived.length === 2)
    opened.cut()
    await until(() => closed.length === 1)
    assert.equal(closed, [[4, 5]])
    await opened.lane.close()
    assert.is(closed.length, 1)
  })

  test('a receiver that fails says why', async () => {
    const codes: (string | undefined)[] = []
    await using opened = await open({ have: new PackSet(), windowBytes: 10_000, events: { closed: (error) => codes.push(error?.code) } })
    const { HeirloomError } = await import('../../src/errors.ts')
    opened.receiver.fail(new HeirloomError('no-space', 'the disk is full'))
    await until(() => codes.length === 1)
    assert.equal(codes, ['no-space'])
  })
}
