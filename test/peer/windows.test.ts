// What of a lane may be in flight to an heir, and when that changes.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Windows } from '../../peer/inherit/windows.ts'
import type { LaneKind } from '../../src/lane/lane.ts'
import type { ReceivingLane } from '../../src/lane/receiving-lane.ts'
import { demandCalmMs, demandWindowBytes } from '../../src/limits/demand.ts'
import { circuitWindowBytes, dataWindowBytes, firstPackMs, firstWindowBytes, windowBytes } from '../../src/limits/lane.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('windows')

function scene(...kinds: LaneKind[]) {
  const clock = new ManualClock(0)
  const told: [LaneKind, number][] = []
  const quiet: [LaneKind, number][] = []
  const lanes = kinds.map((kind) => {
    const lane = {
      grant: (bytes: number) => void told.push([kind, bytes]),
      set windowBytes(bytes: number) {
        quiet.push([kind, bytes])
      },
    }
    return [kind, lane as unknown as ReceivingLane] as const
  })
  return { clock, told, quiet, windows: new Windows({ clock, lanes: () => lanes }) }
}

test('until something is restored, a lane brings one pack at a time; then every lane is told of its usual window', () => {
  const { clock, told, windows } = scene('stream', 'circuit', 'store')
  assert.is(windows.of('stream'), firstWindowBytes)
  windows.opened()
  clock.advance(firstPackMs - 1)
  assert.equal(told, [])
  windows.served()
  const usual = [
    ['stream', windowBytes],
    ['circuit', circuitWindowBytes],
    ['store', windowBytes],
  ]
  assert.equal(told, usual)
  windows.served()
  clock.advance(10 * firstPackMs)
  assert.equal(told, usual, 'once')
  assert.is(windows.of('fast'), dataWindowBytes)
})

test('a first pack that is slow holds up the rest only for a moment', () => {
  const { clock, told, windows } = scene('stream')
  clock.advance(10 * firstPackMs)
  assert.equal(told, [], 'which begins with the first lane')
  windows.opened()
  clock.advance(firstPackMs)
  assert.equal(told, [['stream', windowBytes]])
})

test('while chunks are demanded the windows are smaller, but for a circuit, whose window is; and afterwards as before', () => {
  const { clock, quiet, windows } = scene('stream', 'circuit')
  windows.served()
  windows.calm()
  const calm = [
    ['stream', demandWindowBytes],
    ['circuit', circuitWindowBytes],
  ]
  assert.equal(quiet.splice(0), calm)
  assert.is(windows.of('store'), demandWindowBytes)
  clock.advance(demandCalmMs - 1)
  windows.calm()
  assert.equal(quiet.splice(0), calm)
  clock.advance(demandCalmMs - 1)
  assert.equal(quiet, [])
  clock.advance(1)
  assert.equal(quiet, [
    ['stream', windowBytes],
    ['circuit', circuitWindowBytes],
  ])
})

test('when it is over nothing of it goes on', () => {
  const { clock, windows } = scene('stream')
  windows.opened()
  windows.calm()
  windows[Symbol.dispose]()
  assert.is(clock.waiting, 0)
})

test.run()
