// `policy.split`: how a predecessor divides its state among several heirs, each of which takes some parts of it (`policy.parts`).

import * as z from 'zod'
import { strict } from '../config/values.ts'
import { splitPartsMax, splitRangesMax } from '../limits/plan.ts'
import { factsTextMax } from '../limits/relay.ts'
import { redisSlots } from './redis-slot.ts'

/** By what a part is chosen: the key itself, what belongs together, or Redis Cluster's slot of the key. */
const bases = ['key', 'group', 'redis-slot'] as const

export interface SplitRange {
  readonly part: string
  /** Where it ends: the first key, in the order of bytes, or the first slot that isn't in it. The last one has none. */
  readonly below?: string | number | undefined
}

export interface Split {
  readonly by: (typeof bases)[number]
  /** At least two, each once. */
  readonly parts: readonly string[]
  /** In ascending order, the first from the very beginning. Undefined: by rendezvous hashing. */
  readonly ranges?: readonly SplitRange[] | undefined
}

export const partName = z.string().min(1).max(factsTextMax)

const range = strict({
  part: partName.describe('Whose it is.'),
  below: z
    .union([z.string().min(1), z.int()], { error: () => 'expected a key, or with redis-slot a slot' })
    .optional()
    .describe('The first key (or slot) that is not in it, and with which the next range begins. Only the last has none.'),
})

export const splitSchema = strict({
  by: z
    .enum(bases)
    .default('key')
    .describe('key; group: what belongs together, by its group or what stands in braces in its key; redis-slot: as Redis Cluster does.'),
  parts: z.array(partName).max(splitPartsMax).optional().describe('Their names: each key goes to one of them by rendezvous hashing.'),
  ranges: z.array(range).max(splitRangesMax).optional().describe('Ranges of keys or slots instead, in ascending order.'),
})
  .superRefine((written, context) => {
    for (const { path, message } of splitProblems(written)) context.addIssue({ code: 'custom', path, message })
  })
  .transform(({ by, parts = [], ranges }): Split => ({
    by,
    parts: ranges === undefined ? parts : [...new Set(ranges.map(({ part }) => part))],
    ...(ranges !== undefined && { ranges }),
  }))

interface Problem {
  readonly path: (string | number)[]
  readonly message: string
}

function splitProblems({
  by,
  parts,
  ranges,
}: {
  by: Split['by']
  parts?: string[] | undefined
  ranges?: SplitRange[] | undefined
}): Problem[] {
  if (parts !== undefined && ranges !== undefined)
    return [{ path: ['parts'], message: 'ranges name the parts already: say one of the two' }]
  if (ranges === undefined && by === 'redis-slot') return [{ path: [], message: 'by redis-slot needs ranges: which slots each part has' }]
  const names = parts ?? ranges?.map(({ part }) => part) ?? []
  const count = new Set(names).size
  if (parts !== undefined && count < parts.length) return [{ path: ['parts'], message: 'names a part twice' }]
  const at = ranges === undefined ? 'parts' : 'ranges'
  if (count < 2) return [{ path: (ranges ?? parts) ? [at] : [], message: 'must name at least two parts: without them, leave split out' }]
  if (count > splitPartsMax) return [{ path: [at], message: `names ${count} parts; at most ${splitPartsMax} are possible` }]
  return (ranges ?? []).flatMap(({ below }, index) => rangeProblem(by, ranges!, index, below))
}

function rangeProblem(by: Split['by'], ranges: readonly SplitRange[], index: number, below: SplitRange['below']): Problem[] {
  const path = ['ranges', index, ...(below === undefined ? [] : ['below'])]
  const isLast = index === ranges.length - 1
  if (isLast !== (below === undefined))
    return [{ path, message: isLast ? 'the last range has no end: all that is left is in it' : 'says no end (below), and others follow' }]
  if (below === undefined) return []
  if (by === 'redis-slot' && (typeof below !== 'number' || below < 1 || below >= redisSlots))
    return [{ path, message: `a slot is a number from 1 to ${redisSlots - 1}` }]
  if (by !== 'redis-slot' && typeof below !== 'string') return [{ path, message: `a key is text: write "${below}"` }]
  const before = index === 0 ? undefined : ranges[index - 1]!.below
  return before === undefined || isAscending(before, below) ? [] : [{ path, message: 'is not above the end of the range before it' }]
}

function isAscending(one: string | number, other: string | number): boolean {
  if (typeof one === 'string' && typeof other === 'string') return Buffer.compare(Buffer.from(one), Buffer.from(other)) < 0
  return one < other
}
