// A source whose inventory is divided as the manifest says (`divide`): by read probability, or with small items grouped. What is read, and how, is
// the source's own business, and so is the cutting of what is large.

import { divideByProbability } from '../../src/chunk/divide-probability.ts'
import { groupSmall } from '../../src/chunk/group-small.ts'
import type { Chunk } from '../../src/chunk/chunk.ts'
import { expectedBytes, valuePerByte } from '../../src/plan/chunk-table.ts'
import type { Division } from '../../src/plan/manifest.ts'
import type { InventoryQuery, Source, WaitOptions } from './source.ts'

/** The source itself where it divides on its own. */
export function divided(source: Source, divide: Division | undefined): Source {
  if (divide === undefined || divide.by === 'application') return source
  const { by, targetBytes } = divide
  return {
    name: source.name,
    kind: source.kind,
    warm: (options) => source.warm(options),
    inventory: (query, options) =>
      by === 'probability' ? likely(source, targetBytes, query, options) : grouped(source, targetBytes, query, options),
    read: (chunks, options) => source.read(chunks, options),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  }
}

/** Which items are alike is known when all are: the batches come at the end. */
async function* likely(source: Source, targetBytes: number, query: InventoryQuery, options: WaitOptions): AsyncGenerator<Chunk[]> {
  const all: Chunk[] = []
  for await (const batch of ownParts(source, query, options)) for (const chunk of batch) all.push(chunk)
  yield divideByProbability(all, targetBytes, valuePerByte, expectedBytes)
}

async function* grouped(source: Source, targetBytes: number, query: InventoryQuery, options: WaitOptions): AsyncGenerator<Chunk[]> {
  let groups = 0
  for await (const batch of ownParts(source, query, options)) yield groupSmall(batch, targetBytes, () => groups++, expectedBytes)
}

/** A chunk's part goes by the group that the source itself gives it, not by the one that it gets here. */
async function* ownParts(source: Source, query: InventoryQuery, options: WaitOptions): AsyncGenerator<Chunk[]> {
  const { partOf } = query
  for await (const batch of source.inventory(query, options)) {
    if (partOf === undefined) yield batch
    else yield batch.map((chunk) => (chunk.kind === 'metadata' ? chunk : { ...chunk, part: chunk.part ?? partOf(chunk.id, chunk.group) }))
  }
}
