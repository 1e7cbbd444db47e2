// A peer's places at its relays, through which others reach it: one at each relay, for whichever a predecessor uses.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { keepCircuitPlaces } from '../../peer/circuit-place.ts'
import { EventLog } from '../../peer/events.ts'
import type { RelayEvents, RelayLink } from '../../peer/relay-link.ts'
import type { LaneKind } from '../../src/lane/lane.ts'
import { circuitPlaceAfterMs } from '../../src/limits/link.ts'
import type { LinkingNode } from '../../src/net/node.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('circuit place')

class Scene implements Disposable {
  readonly clock = new ManualClock(0)
  readonly reserved: string[] = []
  readonly events: string[] = []
  readonly #relays = new Map<string, RelayEvents[]>()
  readonly #there = new Set<string>()
  readonly #places: Disposable
  refusing = ''

  constructor(relays: readonly string[], lanes: readonly LaneKind[]) {
    const log = new EventLog(this.clock)
    log.listen(({ event, relay }) => void this.events.push(`${event} ${String(relay)}`))
    const reserve = async (address: string) => {
      this.reserved.push(address)
      if (address === this.refusing) throw new Error('no room')
    }
    this.#places = keepCircuitPlaces({
      node: { reserve } as unknown as LinkingNode,
      relays: relays.map((address) => this.#link(address)),
      events: log,
      clock: this.clock,
      lanes,
    })
  }

  #link(address: string): RelayLink {
    const listeners: RelayEvents[] = []
    const there = this.#there
    this.#relays.set(address, listeners)
    return {
      get address() {
        return there.has(address) ? address : undefined
      },
      listen(events: RelayEvents) {
        listeners.push(events)
        return { [Symbol.dispose]: () => void listeners.splice(listeners.indexOf(events), 1) }
      },
    } as unknown as RelayLink
  }

  async enrols(address: string): Promise<void> {
    this.#there.add(address)
    for (const { enrolled } of this.#relays.get(address)!) enrolled?.()
    this.clock.advance(circuitPlaceAfterMs)
    await new Promise((resolve) => setImmediate(resolve))
  }

  [Symbol.dispose](): void {
    this.#places[Symbol.dispose]()
  }
}

test('it has a place at every relay that enrols it, and another after each enrolment', async () => {
  using scene = new Scene(['/one', '/two'], ['stream', 'circuit'])
  await scene.enrols('/one')
  await scene.enrols('/two')
  await scene.enrols('/one')
  assert.equal(scene.reserved, ['/one', '/two', '/one'])
  assert.equal(scene.events, ['circuit-place /one', 'circuit-place /two', 'circuit-place /one'])
})

test('a relay that refuses a place costs nothing else', async () => {
  using scene = new Scene(['/one', '/two'], ['circuit'])
  scene.refusing = '/one'
  await scene.enrols('/one')
  await scene.enrols('/two')
  assert.equal(scene.events, ['circuit-refused /one', 'circuit-place /two'])
})

test('without the circuit lane, and when it is over, nothing is asked for', async () => {
  using without = new Scene(['/one'], ['stream', 'store'])
  await without.enrols('/one')
  assert.equal(without.reserved, [])
  const scene = new Scene(['/one'], ['circuit'])
  scene[Symbol.dispose]()
  await scene.enrols('/one')
  assert.equal(scene.reserved, [])
})

test.run()
