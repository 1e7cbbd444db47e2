// A state that is divided among several heirs: by which rule, which chunks each part has, and in which part each chunk was really sent.

import type { Split } from '../../src/plan/policy-split.ts'
import { createPartition, type Partition } from '../../peer/split/partition.ts'
import type { SeededRandom } from '../helpers/seed.ts'
import type { SimulatedChunk, SourceScript } from './state.ts'

const names = ['a', 'b', 'c', 'd']

/** How the predecessors of a world divide what they have. */
export function drawSplit(random: SeededRandom): Split {
  const parts = names.slice(0, random.next() < 0.6 ? 2 : random.integer(2, names.length))
  if (random.next() < 0.7) return { by: random.next() < 0.7 ? 'key' : 'group', parts }
  const bounds = parts.slice(1).map(() => `source${random.integer(0, 1)}-${random.integer(0, 9)}`)
  const ascending = [...new Set(bounds)].sort()
  const ranges = [...ascending, undefined].map((below, index) => ({ part: parts[index]!, below }))
  return { by: 'key', parts: ranges.map(({ part }) => part), ranges }
}

/** The parts that an heir takes; undefined: any. */
export function drawParts(random: SeededRandom, { parts }: Split): readonly string[] | undefined {
  if (random.next() < 0.4) return undefined
  const chosen = parts.filter(() => random.next() < 0.5)
  return chosen.length > 0 ? chosen : [parts[random.integer(0, parts.length - 1)]!]
}

/** Its application says of some chunks what they belong together with, and of some in which part they are. */
export function divided(random: SeededRandom, source: SourceScript, { parts }: Split): SourceScript {
  const saysParts = random.next() < 0.3
  const chunks = source.chunks.map((chunk) => ({
    ...chunk,
    ...(random.next() < 0.5 && { group: `group ${random.integer(0, 4)}` }),
    // One of them is none.
    ...(saysParts && random.next() < 0.5 && { part: [...parts, 'no part'][random.integer(0, parts.length)]! }),
  }))
  return { ...source, chunks }
}

export class Division {
  readonly partition: Partition
  /** Of each chunk that not all have: the part in which it was first sealed. */
  readonly #sealed = new Map<string, string>()

  constructor(split: Split) {
    this.partition = createPartition(split)
  }

  /** All that the heir of a part is to get of a source. */
  chunksOf(part: string, { name, chunks }: SourceScript): readonly SimulatedChunk[] {
    return chunks.filter((chunk) => (this.#ownPart(name, chunk) ?? part) === part)
  }

  /** A chunk was sealed for a part; answers another one for which it was, too. */
  sealed(source: string, chunk: SimulatedChunk, part: string): string | undefined {
    if (this.#ownPart(source, chunk) === undefined) return undefined
    const key = `${source} ${chunk.id}`
    const first = this.#sealed.get(key) ?? part
    this.#sealed.set(key, first)
    return first === part ? undefined : first
  }

  /** Undefined: it is in every part. */
  #ownPart(source: string, { id, kind, group, part }: SimulatedChunk): string | undefined {
    const { parts, partOf } = this.partition
    if (part !== undefined && parts.includes(part)) return part
    return kind === 'metadata' ? undefined : partOf({ source, key: id, group })
  }
}
