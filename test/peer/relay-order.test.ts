// Peers of a pool try relays in the same order, whatever their configurations say.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { orderRelays } from '../../peer/relay-order.ts'
import { identityFromSeed } from '../../src/seal/identity.ts'
import { refused } from '../helpers/refusal.ts'
import { seeded } from '../helpers/seed.ts'

const test = suite('the order of relays')

const pool = new Uint8Array(32).fill(7)
const addressOf = (number: number, port = 4001) =>
  `/ip4/10.0.0.${number}/tcp/${port}/p2p/${identityFromSeed(new Uint8Array(32).fill(number)).peerId}`
const relays = Array.from({ length: 8 }, (_, index) => addressOf(index + 1))

function shuffled(list: readonly string[], seed: number): string[] {
  const random = seeded(seed)
  return list
    .map((each) => ({ each, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ each }) => each)
}

test('it is the same for every order of the list, and this one', () => {
  const expected = orderRelays(relays, pool)
  for (let seed = 0; seed < 50; seed++) assert.equal(orderRelays(shuffled(relays, seed), pool), expected)
  // Known to every other implementation: SHA-256 of `heirloom/1 relay`, the pool's id and the relay's peer id, the highest first.
  assert.equal(
    expected.map(([address]) => Number(/10\.0\.0\.(\d+)/.exec(address!)![1])),
    [6, 5, 7, 3, 1, 8, 4, 2],
  )
})

test('when a relay goes no other two change places', () => {
  const expected = orderRelays(relays, pool)
  for (const gone of relays) {
    const left = relays.filter((each) => each !== gone)
    assert.equal(
      orderRelays(left, pool),
      expected.filter(([each]) => each !== gone),
    )
  }
})

test('pools share relays out', () => {
  const first = new Map<string, number>()
  for (let number = 0; number < 800; number++) {
    const [[relay] = []] = orderRelays(relays, new Uint8Array(32).fill(number & 255).with(0, number >> 8))
    first.set(relay!, (first.get(relay!) ?? 0) + 1)
  }
  for (const relay of relays) assert.ok((first.get(relay) ?? 0) > 50, `${first.get(relay)} of 800`)
})

test('addresses of one relay stay in the order of the list', () => {
  const [other, one] = [addressOf(2), addressOf(1)]
  const second = addressOf(1, 443)
  const places = (list: string[]) => orderRelays(list, pool).find((each) => !each.includes(other))
  assert.equal(places([one, other, second]), [one, second])
  assert.equal(places([second, one, other]), [second, one])
})

test('what is no address of a relay is refused', () => {
  refused(() => orderRelays(['/ip4/10.0.0.1/tcp/4001'], pool), 'usage')
})

test.run()
