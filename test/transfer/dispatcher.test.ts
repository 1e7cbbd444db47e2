// Which pack takes which lane: lowest number first, nothing twice, nothing lost, whatever lanes do.

import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { LaneKind, SendingLane } from '../../src/lane/lane.ts'
import { Dispatcher } from '../../src/transfer/dispatcher.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import type { SealedPack } from '../../src/wire/sealed-pack.ts'

const test = suite('dispatcher')

const pack = (number: number): SealedPack => ({ number, pieces: [], bytes: 100 })

class TestLane implements SendingLane {
  readonly kind: LaneKind
  readonly have: PackSet
  readonly got: number[] = []
  inFlightBytes = 0
  open = true

  constructor(kind: LaneKind, have: readonly number[] = []) {
    this.kind = kind
    this.have = PackSet.of(have)
  }

  canSend(): boolean {
    return this.open
  }

  canHurry(): boolean {
    return this.open
  }

  answer(): void {}

  send({ number }: SealedPack): void {
    this.got.push(number)
  }

  end(): void {}

  free(): void {}

  async close(): Promise<void> {}

  abort(): void {}
}

const anything = () => true

function sendAll(dispatcher: Dispatcher, allowed: (kind: LaneKind) => boolean = anything): void {
  for (let next = dispatcher.next(allowed); next !== undefined; next = dispatcher.next(allowed)) {
    dispatcher.sent(next)
    next.lane.send(next.pack)
  }
}

test('the preferred lane takes packs first, and another one when it is full', () => {
  const dispatcher = new Dispatcher(['stream', 'store'])
  const store = new TestLane('store')
  const stream = new TestLane('stream')
  dispatcher.laneUp(store)
  dispatcher.laneUp(stream)
  dispatcher.add(pack(0))
  sendAll(dispatcher)
  stream.open = false
  dispatcher.add(pack(1))
  sendAll(dispatcher)
  assert.equal([stream.got, store.got], [[0], [1]])
})

test('a lane that isn’t allowed takes nothing', () => {
  const dispatcher = new Dispatcher(['stream', 'store'])
  dispatcher.laneUp(new TestLane('store'))
  dispatcher.add(pack(0))
  assert.is(
    dispatcher.next((kind) => kind !== 'store'),
    undefined,
  )
})

test('a lane that fails gives its packs back, in their place, and what is sent again is counted', () => {
  const dispatcher = new Dispatcher(['stream', 'store'])
  const stream = new TestLane('stream')
  dispatcher.laneUp(stream)
  for (const number of [0, 1, 2]) dispatcher.add(pack(number))
  sendAll(dispatcher)
  dispatcher.acknowledged(stream, [1])
  dispatcher.add(pack(3))
  dispatcher.laneDown(stream)
  const store = new TestLane('store')
  dispatcher.laneUp(store)
  sendAll(dispatcher)
  assert.equal(store.got, [0, 2, 3])
  assert.is(dispatcher.resentBytes, 200)
})

test('what the other side of a new lane has already is not sent', () => {
  const dispatcher = new Dispatcher(['stream', 'store'])
  for (const number of [0, 1, 2]) dispatcher.add(pack(number))
  const stream = new TestLane('stream', [0, 2])
  assert.equal(dispatcher.laneUp(stream), [0, 2])
  sendAll(dispatcher)
  assert.equal(stream.got, [1])
})

test('when the heir is gone, what only it had is lost, and what the store has too is not', () => {
  const dispatcher = new Dispatcher(['stream', 'store'])
  const stream = new TestLane('stream', [])
  dispatcher.laneUp(stream)
  for (const number of [0, 1]) dispatcher.add(pack(number))
  sendAll(dispatcher)
  dispatcher.acknowledged(stream, [0, 1])
  dispatcher.laneUp(new TestLane('store', [1]))
  assert.equal(dispatcher.forget('heir'), [0])
  assert.not.ok(dispatcher.isSafe(0))
  assert.ok(dispatcher.isSafe(1))
})

test('whatever lanes do, every pack is queued, in flight or safe, and all are safe in the end', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const) }),
    fc.record({ do: fc.constantFrom('up' as const), kind: fc.constantFrom('stream' as const, 'store' as const) }),
    fc.record({ do: fc.constantFrom('down' as const, 'acknowledge' as const), at: fc.nat(5) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const dispatcher = new Dispatcher(['stream', 'store'])
      let packs = 0
      const flying = new Map<TestLane, number[]>()
      for (const each of steps) {
        const lanes = [...flying.keys()]
        if (each.do === 'add') dispatcher.add(pack(packs++))
        else if (each.do === 'up') {
          const lane = new TestLane(each.kind)
          flying.set(lane, lane.got)
          dispatcher.laneUp(lane)
        } else if (lanes.length > 0) {
          const lane = lanes[each.at % lanes.length]!
          if (each.do === 'down') {
            dispatcher.laneDown(lane)
            flying.delete(lane)
          } else dispatcher.acknowledged(lane, lane.got.splice(0, 1))
        }
        sendAll(dispatcher)
        const safe = Array.from({ length: packs }, (_, number) => number).filter((number) => dispatcher.isSafe(number)).length
        assert.is(dispatcher.queuedPacks + dispatcher.flyingPacks + safe, packs)
      }
      const last = new TestLane('store')
      for (const lane of flying.keys()) dispatcher.laneDown(lane)
      dispatcher.laneUp(last)
      sendAll(dispatcher)
      dispatcher.acknowledged(last, last.got)
      for (let number = 0; number < packs; number++) assert.ok(dispatcher.isSafe(number))
    }),
  )
})

test('what is demanded takes whichever lane to the heir has least to do, and a circuit only where there is no other', () => {
  const dispatcher = new Dispatcher(['fast', 'stream', 'circuit'])
  const [fast, stream, circuit] = [new TestLane('fast'), new TestLane('stream'), new TestLane('circuit')]
  for (const lane of [fast, stream, circuit]) dispatcher.laneUp(lane)
  fast.inFlightBytes = 100
  stream.inFlightBytes = 50
  dispatcher.addUrgent(pack(0))
  sendAll(dispatcher)
  for (const lane of [fast, stream]) lane.open = false
  dispatcher.addUrgent(pack(1))
  sendAll(dispatcher)
  assert.equal([fast.got, stream.got, circuit.got], [[], [0], []])
  for (const lane of [fast, stream]) dispatcher.laneDown(lane)
  sendAll(dispatcher)
  assert.equal(circuit.got, [1, 0], 'what the direct lanes gave back, too')
})

test.run()
