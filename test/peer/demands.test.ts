// What an heir does with demands, without a network: whom it asks, what it answers, and when.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DemandDesk } from '../../peer/demand-desk.ts'
import { Demands, type Demanded } from '../../peer/inherit/demands.ts'
import { markChunk } from '../../src/seal/chunk-mark.ts'
import { demandsOpenMax } from '../../src/limits/demand.ts'
import type { DemandMessage } from '../../src/transfer/demand.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { refusedLater } from '../helpers/refusal.ts'

const test = suite('demands')

const never = new AbortController().signal

class Lane implements Demanded {
  readonly asked: { packs: number[]; chunks: DemandMessage['chunks'] }[] = []
  demand({ packs = new PackSet(), chunks = [] }: Partial<DemandMessage>): void {
    this.asked.push({ packs: [...packs], chunks })
  }
}

/** Source 0 is `shop`, once it is known. */
function scene({ known = true, packs = 200 } = {}) {
  const clock = new ManualClock(0)
  const state = { known, direct: undefined as Lane | undefined, store: undefined as Lane | undefined, restored: new Set<string>() }
  const here = new Set<number>()
  const demands = new Demands({
    clock,
    sourceOf: (name) => (state.known && name === 'shop' ? 0 : undefined),
    nameOf: (source) => (state.known && source === 0 ? 'shop' : undefined),
    isRestored: (_source, id) => state.restored.has(id),
    isPackRestored: (number) => here.has(number),
    isPackHere: (number) => here.has(number),
    direct: () => state.direct,
    store: () => state.store,
    packs: () => packs,
    onDemand() {},
  })
  const ask = (...ids: string[]) => demands.ask('shop', ids, 2000, never)
  return { clock, state, here, demands, ask }
}

test('of a predecessor that lives chunks are demanded by their ids, once', async () => {
  const { state, demands, ask } = scene()
  state.direct = new Lane()
  const asking = ask('a', 'b', 'a')
  demands.route()
  assert.equal(state.direct.asked, [{ packs: [], chunks: [{ source: 0, ids: ['a', 'b'] }] }])
  demands.settled('shop', ['a'], 'restored')
  demands.answered([{ source: 0, id: 'b', packs: new PackSet() }])
  assert.equal(await asking, { restored: ['a'], absent: ['b'], late: [] })
})

test('what does not come within the bound is late, and asking again asks for it', async () => {
  const { clock, demands, ask } = scene()
  const asking = ask('a')
  clock.advance(2001)
  assert.equal(await asking, { restored: [], absent: [], late: ['a'] })
  assert.is(demands.isAnyOpen, false)
  assert.is(clock.waiting, 0)
})

test('one who waits no longer takes nothing from another who does', async () => {
  const { clock, demands } = scene()
  const short = demands.ask('shop', ['a'], 100, never)
  const long = demands.ask('shop', ['a'], 1000, never)
  clock.advance(101)
  assert.equal((await short).late, ['a'])
  demands.settled('shop', ['a'], 'restored')
  assert.equal((await long).restored, ['a'])
})

test('what was sent to the store before is demanded there by the number of its pack, or of the predecessor where the store can not be asked', async () => {
  for (const hasStore of [true, false]) {
    const { state, demands, ask } = scene()
    state.direct = new Lane()
    if (hasStore) state.store = new Lane()
    const asking = ask('a')
    demands.answered([{ source: 0, id: 'a', packs: PackSet.of([7]) }])
    assert.equal((hasStore ? state.store! : state.direct).asked.at(-1), { packs: [7], chunks: [] })
    demands.settled('shop', ['a'], 'restored')
    assert.equal((await asking).restored, ['a'])
  }
})

test('a chunk of a pack that an earlier process restored counts as restored', async () => {
  const { state, here, demands, ask } = scene()
  state.direct = new Lane()
  here.add(7)
  const asking = ask('a')
  demands.answered([{ source: 0, id: 'a', packs: PackSet.of([7]) }])
  assert.equal((await asking).restored, ['a'])
})

test('the relay is asked for directories and then for the pack, and never for an id', async () => {
  const { state, demands, ask } = scene()
  state.store = new Lane()
  const asking = ask('a')
  assert.equal(state.store.asked, [{ packs: [63, 127, 191, 199], chunks: [] }])
  const chunks = new Uint8Array(Buffer.from(markChunk(0, 'z') + markChunk(0, 'a'), 'hex'))
  demands.learned([{ pack: 90, chunks }])
  assert.equal(state.store.asked.at(-1), { packs: [90], chunks: [] })
  demands.settled('shop', ['a'], 'restored')
  assert.equal((await asking).restored, ['a'])
})

test('when the predecessor is gone the relay is asked, and when a source becomes known what waits for it', async () => {
  const { state, demands, ask } = scene({ known: false })
  state.direct = new Lane()
  const asking = ask('a')
  assert.equal(state.direct.asked, [])
  state.known = true
  demands.route()
  assert.is(state.direct.asked.length, 1)
  state.direct = undefined
  state.store = new Lane()
  demands.route()
  assert.is(state.store.asked.length, 1)
  demands.end()
  assert.equal((await asking).absent, ['a'])
  assert.equal((await ask('b')).absent, ['b'])
  state.restored.add('c')
  assert.equal((await ask('c')).restored, ['c'], 'what was restored stays so')
})

test('more than can be waited for is refused', async () => {
  const { ask } = scene()
  await refusedLater(ask(...Array.from({ length: demandsOpenMax + 1 }, (_, index) => String(index))), 'busy')
})

test('who asks before anything was claimed waits for the claim, or until nothing is to be had', async () => {
  const { demands, clock } = scene()
  const query = { source: 'shop', ids: ['a'], withinMs: 1000 }
  const desk = new DemandDesk(clock)
  const asking = desk.ask(query, never)
  desk.opened(demands)
  await Promise.resolve()
  demands.end()
  assert.equal((await asking).absent, ['a'])
  const idle = new DemandDesk(clock)
  const nothing = idle.ask(query, never)
  idle.settle()
  assert.equal((await nothing).absent, ['a'])
  const late = new DemandDesk(clock).ask(query, never)
  clock.advance(1001)
  assert.equal((await late).late, ['a'])
})

test.run()
