// The link to the heir that a peer would have now: made and dropped as the relay tells, and never in the way of anything.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EventLog } from '../../peer/events.ts'
import { HeirLink } from '../../peer/heir-link.ts'
import type { RelayEvents, RelayLink } from '../../peer/relay-link.ts'
import type { LinkingNode } from '../../src/net/node.ts'
import { makeMember } from '../helpers/pool.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { generatePool } from '../../src/seal/pool-key.ts'

const test = suite('heir link')

const pool = generatePool('checkout')

class Scene implements AsyncDisposable {
  readonly done: string[] = []
  readonly events: string[] = []
  readonly #listeners: RelayEvents[] = []
  readonly #link: HeirLink
  reachable = true

  constructor() {
    const log = new EventLog(new ManualClock(0))
    log.listen(({ event, heir }) => void this.events.push(`${event} ${String(heir)}`))
    const node = {
      connect: async ([address]: readonly string[]) => {
        this.done.push(`connect ${address}`)
        if (!this.reachable) throw new Error('nobody answers')
      },
      release: (peer: string) => void this.done.push(`release ${peer}`),
    } as unknown as LinkingNode
    const relay = {
      listen: (events: RelayEvents) => {
        this.#listeners.push(events)
        return { [Symbol.dispose]: () => void this.#listeners.splice(0) }
      },
    } as unknown as RelayLink
    this.#link = new HeirLink({ node, relay, events: log })
  }

  /** The relay says who would be the heir. */
  async told(peer: Uint8Array, address = '/at/it'): Promise<void> {
    const value = { $typeName: 'heirloom.wire.v1.Expected' as const, peer, addresses: [address] }
    for (const listener of this.#listeners)
      listener.notification?.({ $typeName: 'heirloom.wire.v1.Notification', event: { case: 'expected', value } })
    await new Promise((resolve) => setImmediate(resolve))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link[Symbol.asyncDispose]()
  }
}

test('it dials who would be the heir, and lets go of who no longer would', async () => {
  const [one, two] = [makeMember(pool).identity, makeMember(pool).identity]
  await using scene = new Scene()
  await scene.told(one.peer, '/at/one')
  await scene.told(two.peer, '/at/two')
  await scene.told(new Uint8Array(0))
  assert.equal(scene.done, ['connect /at/one', `release ${one.peerId}`, 'connect /at/two', `release ${two.peerId}`])
  assert.equal(scene.events, [`heir-linked ${one.peerId}`, `heir-linked ${two.peerId}`])
})

test('an heir that cannot be reached ahead of time is an event and no more', async () => {
  const { peer, peerId } = makeMember(pool).identity
  await using scene = new Scene()
  scene.reachable = false
  await scene.told(peer)
  assert.equal(scene.events, [`heir-unreachable ${peerId}`])
})

test('bad input: a relay that names what is no peer is not followed', async () => {
  await using scene = new Scene()
  await scene.told(new Uint8Array([1, 2, 3]))
  assert.equal(scene.done, [])
})

test('once it is disposed it dials nobody', async () => {
  const scene = new Scene()
  await scene[Symbol.asyncDispose]()
  await scene.told(makeMember(pool).identity.peer)
  assert.equal(scene.done, [])
})

test.run()
