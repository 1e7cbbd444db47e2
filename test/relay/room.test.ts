// The room that packs share on their way through the relay.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Room } from '../../relay/room.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('room')
const open = (bytesMax: number) => {
  const clock = new ManualClock(0)
  return { clock, room: new Room({ bytesMax, patienceMs: 1000, clock }) }
}

test('whoever comes when there is none left waits in line, and all get turns alike', () => {
  const { room, clock } = open(100)
  const turns: string[] = []
  const seats = ['a', 'b', 'c'].map((name) => ({ name, seat: room.seat(() => {}) }))
  const bring = ({ name, seat }: (typeof seats)[number]) => {
    const begin = () => void turns.push(name)
    if (seat.take(60, begin)) begin()
  }
  for (let round = 0; round < 3; round++) {
    for (const each of seats) bring(each)
    for (const { seat } of seats) seat.free(60, clock.monotonicMs())
  }
  assert.equal(turns.join(''), 'abcabcabc')
  assert.equal([room.takenBytes, room.waiting], [0, 0])
})

test('one that is larger than all the room comes when nobody else is there', () => {
  const { room, clock } = open(100)
  const [small, large] = [room.seat(() => {}), room.seat(() => {})]
  let isIn = false
  assert.ok(small.take(10, () => {}))
  assert.not(large.take(500, () => (isIn = true)))
  small.free(10, clock.monotonicMs())
  assert.ok(isIn)
  large[Symbol.dispose]()
  assert.is(room.takenBytes, 0)
})

test('one that holds room and does not move on while others wait is sent away, and only then', () => {
  const { room, clock } = open(100)
  const slow: string[] = []
  const holder = room.seat(() => {
    slow.push('holder')
    holder[Symbol.dispose]()
  })
  holder.take(100, () => {})
  clock.advance(60_000)
  assert.equal(slow, [], 'nobody waits')
  const next = room.seat(() => slow.push('next'))
  let isIn = false
  assert.not(next.take(50, () => (isIn = true)))
  clock.advance(1000)
  assert.equal(slow, ['holder'])
  assert.ok(isIn)
  assert.is(room.takenBytes, 50)
  next[Symbol.dispose]()
  clock.advance(10_000)
  assert.is(clock.waiting, 0, 'no timer is left running')
})

test('one that leaves while it waits is not called any more', () => {
  const { room } = open(10)
  const [holder, leaver, last] = [room.seat(() => {}), room.seat(() => {}), room.seat(() => {})]
  const called: string[] = []
  holder.take(10, () => {})
  leaver.take(10, () => called.push('leaver'))
  last.take(10, () => called.push('last'))
  leaver[Symbol.dispose]()
  holder[Symbol.dispose]()
  assert.equal(called, ['last'])
  assert.is(room.takenBytes, 10)
})

test.run()
