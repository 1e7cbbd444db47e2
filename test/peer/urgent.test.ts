// What an heir is answered for chunks that have left the plan.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Ledger } from '../../peer/handoff/ledger.ts'
import { Urgent, type UrgentOptions } from '../../peer/handoff/urgent.ts'
import type { Chunk } from '../../src/chunk/chunk.ts'
import type { SendingLane } from '../../src/lane/lane.ts'
import type { ChunkAnswer } from '../../src/transfer/demand.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('what was demanded')

const chunk: Chunk = { id: 'large', kind: 'data', bytes: 20 }

function part(offset: number) {
  return { source: 0, part: { chunk, offset, chunkBytes: 20, bytes: new Uint8Array(10) } }
}

/** The answer for a chunk of which these parts were packed, and the packs from `flyingFrom` on are under way to the heir. */
function answerFor({
  offsets,
  flyingFrom,
  isUrgent = false,
  ...more
}: {
  offsets: number[]
  flyingFrom: number
  isUrgent?: boolean
  taken?: undefined
}) {
  const taken = 'taken' in more ? undefined : 'taken'
  const ledger = new Ledger()
  for (const offset of offsets) ledger.append([part(offset)])
  const answers: ChunkAnswer[] = []
  const options = {
    sources: [{}],
    plan: { takeOut: () => taken, isEmpty: () => true, totals: () => ({ settled: true }) },
    feeds: [{ takeOut: () => undefined, dry: true, poke() {} }],
    ledger,
    dispatcher: { hurry: () => false, isFlying: (number: number) => number >= flyingFrom },
    pipeline: { isUrgent, isHolding: false },
    clock: new ManualClock(0),
    signal: new AbortController().signal,
    onChange() {},
    spawn() {},
  } as unknown as UrgentOptions
  const lane = { answer: (chunks: readonly ChunkAnswer[]) => void answers.push(...chunks) } as unknown as SendingLane
  new Urgent(options).demanded(lane, [{ source: 0, ids: ['large'] }])
  return answers.map(({ packs }) => [...packs])
}

test('of a chunk that is in part elsewhere all packs are named, so that nobody takes the part for the whole', () => {
  assert.equal(answerFor({ offsets: [0, 10], flyingFrom: 1 }), [[0, 1]])
})

test('a chunk that the plan has nothing of went ahead of the notice and still holds, or there is none', () => {
  assert.equal(answerFor({ offsets: [0, 10], flyingFrom: 2, taken: undefined }), [[0, 1]])
  assert.equal(answerFor({ offsets: [], flyingFrom: 0, taken: undefined }), [[]])
})

test('what is all under way is not answered', () => {
  assert.equal(answerFor({ offsets: [0, 10], flyingFrom: 0 }), [])
})

test('a chunk that is not whole in any packs will not come, unless something is still being packed', () => {
  assert.equal(answerFor({ offsets: [0], flyingFrom: 1 }), [[]])
  assert.equal(answerFor({ offsets: [0], flyingFrom: 1, isUrgent: true }), [])
})

test.run()
