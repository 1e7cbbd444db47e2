// Which relay of a pool is used: the first in the pool's order that can be had, until it is lost and doesn't come back.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { orderRelays } from '../../peer/relay-order.ts'
import { Relays } from '../../peer/relays.ts'
import { HeirloomError, type ErrorCode } from '../../src/errors.ts'
import { relayHeadStartMs, relayMoveAfterMs, retryFirstMs } from '../../src/limits/link.ts'
import type { Node } from '../../src/net/node.ts'
import { createIdentity } from '../../src/seal/identity.ts'
import { channelPair, type MemoryChannel } from '../helpers/channel-pair.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { makeMember, nowMs } from '../helpers/pool.ts'
import { refusedLater } from '../helpers/refusal.ts'
import { TestRelay } from '../helpers/relay-peer.ts'

const test = suite('the relays of a pool')

/** What a relay answers a dial with: a link, a refusal, or nothing yet. */
type State = 'up' | 'slow' | ErrorCode

class Scene implements AsyncDisposable {
  readonly clock = new ManualClock(nowMs)
  readonly relays: Relays
  /** What was told, in order. */
  readonly told: string[] = []
  readonly states: Record<'first' | 'second', State>
  readonly #relay = new TestRelay()
  readonly #member = makeMember(this.#relay.pool)
  readonly #links = new Map<string, MemoryChannel>()
  readonly #names = new Map<string, 'first' | 'second'>()

  constructor(states: { first: State; second: State }) {
    this.states = states
    const addresses = [1, 2].map((number) => `/ip4/10.0.0.${number}/tcp/4001/p2p/${createIdentity().peerId}`)
    const relays = orderRelays(addresses, this.#relay.pool.id)
    relays.forEach(([address], index) => this.#names.set(address!, index === 0 ? 'first' : 'second'))
    const { clock } = this
    this.relays = new Relays({ relays, node: this.#node(), certificate: () => this.#member.certificate, clock, random: () => 0.5 })
    this.relays.listen({ enrolled: () => void this.told.push(`enrolled ${this.used}`), lost: () => void this.told.push('lost') })
  }

  get used(): string | undefined {
    return this.relays.address && this.#names.get(this.relays.address)
  }

  connect(): Promise<void> {
    return this.relays.connect({ signal: new AbortController().signal })
  }

  /** Its link breaks; it answers as its state says from now on. */
  async breaks(name: 'first' | 'second', state: State): Promise<void> {
    this.states[name] = state
    this.#links.get(name)!.abort(new HeirloomError('link-lost', 'it broke'))
    await settled()
  }

  /** Whatever waits for its time runs, and what follows from it. */
  async pass(ms: number): Promise<void> {
    this.clock.advance(ms)
    await settled()
  }

  #node(): Node {
    return {
      peerId: this.#member.identity.peerId,
      addresses: () => [],
      hangUp: () => {},
      open: async ([address]: readonly string[], _protocol: string, { signal }: { signal: AbortSignal }) => {
        const name = this.#names.get(address!)!
        const state = this.states[name]
        if (state === 'slow') await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
        if (state !== 'up') throw new HeirloomError(state as ErrorCode, 'it does not want us')
        const { near, far } = channelPair(this.#member.identity.peerId, 'relay')
        this.#relay.relay.acceptControl(far)
        this.#links.set(name, near)
        return near
      },
    } as unknown as Node
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.relays[Symbol.asyncDispose]()
    await this.#relay[Symbol.asyncDispose]()
  }
}

/** What is under way in memory has arrived. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve))
}

test('the first in order is used, and all have a link', async () => {
  await using scene = new Scene({ first: 'up', second: 'up' })
  await scene.connect()
  await settled()
  assert.is(scene.used, 'first')
  assert.ok(scene.relays.each.every(({ address }) => address !== undefined))
  assert.equal(scene.told, ['enrolled first'])
})

test('where the first refuses the next is used at once, where it keeps us waiting a moment later', async () => {
  await using refused = new Scene({ first: 'link-lost', second: 'up' })
  await refused.connect()
  assert.is(refused.used, 'second')
  await using slow = new Scene({ first: 'slow', second: 'up' })
  const connecting = slow.connect()
  await settled()
  assert.is(slow.used, undefined)
  await slow.pass(relayHeadStartMs)
  await connecting
  assert.is(slow.used, 'second')
})

test('one whose link breaks and which is there is used again, and nothing moves', async () => {
  await using scene = new Scene({ first: 'up', second: 'up' })
  await scene.connect()
  await settled()
  await scene.breaks('first', 'up')
  await scene.pass(relayMoveAfterMs)
  assert.equal(scene.told, ['enrolled first', 'lost', 'enrolled first'])
})

test('one that can not be dialled any more is left at once, and not taken back while the next one is there', async () => {
  await using scene = new Scene({ first: 'up', second: 'up' })
  await scene.connect()
  await settled()
  await scene.breaks('first', 'link-lost')
  assert.is(scene.used, 'second')
  scene.states.first = 'up'
  await scene.pass(4 * retryFirstMs)
  assert.ok(scene.relays.each[0]!.address !== undefined)
  assert.is(scene.used, 'second')
  await scene.breaks('second', 'link-lost')
  assert.is(scene.used, 'first')
})

test('one that keeps us waiting after a break is left after its moment; without another, whichever comes first is used', async () => {
  await using scene = new Scene({ first: 'up', second: 'up' })
  await scene.connect()
  await settled()
  await scene.breaks('second', 'slow')
  await scene.breaks('first', 'slow')
  await scene.pass(relayMoveAfterMs)
  assert.is(scene.used, undefined)
  await using two = new Scene({ first: 'up', second: 'up' })
  await two.connect()
  await settled()
  await two.breaks('first', 'slow')
  assert.is(two.used, undefined)
  await two.pass(relayMoveAfterMs)
  assert.is(two.used, 'second')
})

test('when none can be had it says so; patience waits, but not for one that refuses us for good', async () => {
  await using none = new Scene({ first: 'link-lost', second: 'link-lost' })
  await refusedLater(none.connect(), 'no-relay')
  const waiting = none.relays.connectPatiently({ signal: new AbortController().signal })
  none.states.second = 'up'
  await none.pass(retryFirstMs)
  await waiting
  assert.is(none.used, 'second')
  await using foreign = new Scene({ first: 'link-lost', second: 'foreign-pool' })
  const patient = foreign.relays.connectPatiently({ signal: new AbortController().signal })
  await refusedLater(patient, 'foreign-pool')
})

test.run()
