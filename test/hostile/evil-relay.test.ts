// What a relay may do that is neither honest nor dead: the heir restores what its pool sealed and nothing older than what it has, and says what it
// missed.
// time-out: 200 s

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { HandoffResult } from '../../peer/result.ts'
import { systemClock } from '../../src/clock.ts'
import { asHeirloomError, HeirloomError } from '../../src/errors.ts'
import { generatePool } from '../../src/seal/pool-key.ts'
import { refusedLater } from '../helpers/refusal.ts'
import { makeTemp, type TempDirectory } from '../helpers/temp.ts'
import { EvilRelay } from './evil-relay.ts'
import { isPartOf, PoolPeer, stateOf, type State } from './pool-peers.ts'

const test = suite('an evil relay')
const pool = generatePool('checkout')

interface Scene extends AsyncDisposable {
  readonly evil: EvilRelay
  readonly temp: TempDirectory
  peer(): Promise<PoolPeer>
}

/** An application whose disk is full. */
class FullState extends Map<string, Buffer> {
  override set(): this {
    throw new HeirloomError('no-space', 'the disk is full')
  }
}

async function openScene(): Promise<Scene> {
  const stack = new AsyncDisposableStack()
  const temp = stack.use(await makeTemp())
  const evil = stack.use(await EvilRelay.open(pool))
  return {
    evil,
    temp,
    peer: async () => stack.use(await PoolPeer.open(pool, evil.address)),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** Parks a state at the relay. */
async function park({ peer }: Scene, state: State): Promise<HandoffResult> {
  const result = await (await peer()).handOff(state)
  assert.is(result.outcome, 'parked')
  return result
}

/** A new heir takes what there is. */
async function take(scene: Scene, journal = 'journal'): Promise<{ heir: PoolPeer; state: State; result: HandoffResult }> {
  const heir = await scene.peer()
  const state: State = new Map()
  const { result } = await heir.inherit((await heir.wait())!, state, scene.temp.at(journal))
  return { heir, state, result }
}

const notesOf = ({ notes = [] }: HandoffResult) => notes.join('; ')

test('packs that it withholds are missed, and said to be missing by their numbers', async () => {
  await using scene = await openScene()
  const whole = stateOf('one')
  await park(scene, whole)
  scene.evil.serve = (_key, number, honest) => (number === 2 || number === 3 ? undefined : honest)
  const { state, result } = await take(scene)
  assert.is(result.outcome, 'partial')
  assert.match(notesOf(result), /2 of \d+ packs did not come: 2, 3/)
  assert.ok(state.size > 0 && state.size < whole.size && isPartOf(state, whole))
})

test('when it withholds everything, nothing is restored and nobody says that this was all', async () => {
  await using scene = await openScene()
  await park(scene, stateOf('one'))
  scene.evil.serve = () => undefined
  const { state, result } = await take(scene)
  assert.equal([result.outcome, state.size], ['partial', 0])
  assert.match(notesOf(result), /how much is missing is not known/)
})

test('when it withholds the last pack and says that there are fewer, that is not taken for all', async () => {
  await using scene = await openScene()
  const whole = stateOf('one')
  await park(scene, whole)
  const [record] = scene.evil.records()
  const last = record!.packs! - 1
  Object.assign(record!, { packs: last })
  scene.evil.serve = (_key, number, honest) => (number === last ? undefined : honest)
  const { state, result } = await take(scene)
  assert.is(result.outcome, 'partial')
  assert.equal(state, whole)
})

test('packs in another order, under other numbers, altered, or of another handoff and pool: what is sealed is restored, the rest is not used', async () => {
  await using scene = await openScene()
  const whole = stateOf('one')
  await park(scene, stateOf('other'))
  await park(scene, whole)
  const [other, own] = scene.evil.records()
  const packs = scene.evil.packsOf(own!.key)
  scene.evil.serve = (_key, number, honest) => {
    if (number === 1) return scene.evil.packsOf(other!.key).get(1)
    if (number === 2) return packs.get(3)
    if (number === 3) return packs.get(2)
    return number === 4 ? honest!.with(100, honest![100]! ^ 1) : honest
  }
  const { state, result } = await take(scene)
  assert.is(result.outcome, 'partial')
  assert.match(notesOf(result), /2 packs that the relay gave out were not sealed by the predecessor/)
  assert.match(notesOf(result), /2 of \d+ packs did not come: 1, 4/)
  assert.ok(state.size > 0 && state.size < whole.size && isPartOf(state, whole))
})

test('a relay that has nothing but false packs is given up', async () => {
  await using scene = await openScene()
  await park(scene, stateOf('one', 22, 1_000_000))
  scene.evil.serve = (_key, _number, honest) => honest!.with(50, honest![50]! ^ 1)
  const { state, result } = await take(scene)
  assert.equal([result.outcome, state.size], ['partial', 0])
  assert.match(notesOf(result), /17 packs that the relay gave out were not sealed/)
})

test('the handoff of another pool is not taken, whatever the relay says', async () => {
  await using scene = await openScene()
  const foreign = generatePool('foreign')
  await using other = await EvilRelay.open(foreign)
  await using predecessor = await PoolPeer.open(foreign, other.address)
  await predecessor.handOff(stateOf('foreign', 3))
  await park(scene, stateOf('one'))
  const heir = await scene.peer()
  const assignment = (await heir.wait())!
  const [record] = other.records()
  const state: State = new Map()
  const mixed = { ...assignment, header: record!.header, handoff: new Uint8Array(Buffer.from(record!.key.handoff, 'hex')) }
  await refusedLater(heir.inherit(mixed, state, scene.temp.at('journal')), 'foreign-pool')
  const swapped = { ...assignment, header: scene.evil.records()[0]!.header, handoff: mixed.handoff }
  await refusedLater(heir.inherit(swapped, state, scene.temp.at('journal')), 'unauthorised')
  assert.is(state.size, 0)
})

test('a handoff that was inherited is not restored again, nor is one that is older', async () => {
  await using scene = await openScene()
  const hoursAgo = { ...systemClock, nowMs: () => Date.now() - 2 * 3_600_000 }
  await using old = await PoolPeer.open(pool, scene.evil.address, hoursAgo)
  await old.handOff(stateOf('older'))
  await park(scene, stateOf('newer'))
  const newer = scene.evil.records().at(-1)!
  const { heir, state, result } = await take(scene)
  assert.equal([result.outcome, result.handoff], ['delivered', newer.key.handoff])
  // Since then the state has changed.
  state.set('chunk 0', Buffer.from('what happened since'))
  const before = new Map(state)
  const journal = scene.temp.at('journal')
  const older = (await heir.wait())!
  assert.is.not(Buffer.from(older.handoff).toString('hex'), newer.key.handoff)
  await refusedLater(heir.inherit(older, state, journal), 'stale')
  const [left] = scene.evil.records()
  assert.is(left!.heir, undefined, 'another heir may have it')
  await scene.evil.replay(newer)
  await refusedLater(heir.inherit((await heir.wait())!, state, journal), 'stale')
  assert.equal(state, before)
  const again = scene.evil.records().find(({ key }) => key.handoff === newer.key.handoff)!
  assert.ok(again.finished, "what was inherited is nobody's to have once more")
})

test('a claim that was given back is not gone on with when the relay gives it out again', async () => {
  await using scene = await openScene()
  await park(scene, stateOf('one'))
  const heir = await scene.peer()
  const assignment = (await heir.wait())!
  const journal = scene.temp.at('journal')
  await refusedLater(heir.inherit(assignment, new FullState(), journal), 'no-space')
  const [record] = scene.evil.records()
  assert.is(record!.heir, undefined, 'another heir may have it')
  // It doesn't know of it any more, as one that was away.
  await scene.evil.replay(record!)
  const again = (await heir.wait())!
  assert.equal([again.epoch, again.handoff], [assignment.epoch, assignment.handoff])
  const state: State = new Map()
  await refusedLater(heir.inherit(again, state, journal), 'stale')
  assert.is(state.size, 0)
  assert.is(scene.evil.records()[0]!.heir, undefined, 'it is told once more')
})

test('two heirs with the same claim restore the same, and nothing that was not sealed', async () => {
  await using scene = await openScene()
  const whole = stateOf('one')
  await park(scene, whole)
  const { rendezvous } = scene.evil.relay.core
  rendezvous.isHeir = () => true
  const [one, two] = [await scene.peer(), await scene.peer()]
  const assignment = (await one.wait())!
  const states: State[] = [new Map(), new Map()]
  const results = await Promise.all([
    one.inherit(assignment, states[0]!, scene.temp.at('one')),
    two.inherit(assignment, states[1]!, scene.temp.at('two')).catch((thrown: unknown) => asHeirloomError(thrown).code),
  ])
  assert.ok(results.length === 2)
  for (const state of states) assert.ok(isPartOf(state, whole))
  assert.ok(states.some((state) => state.size === whole.size))
})

test.run()
