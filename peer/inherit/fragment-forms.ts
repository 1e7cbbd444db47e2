// A fragment as it comes out of a pack, as a sink takes it, and as the journal remembers it; and the journal's line of a pack.

import type { DecodedPack, Verdict } from '../../src/chunk/pack.ts'
import type { IncomingFragment } from '../source/source.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import type { JournalEntry, JournalFragment } from './journal-lines.ts'
import { keysToText, type Placed } from './restored-chunks.ts'

export function incomingFragment(fragment: DecodedPack['fragments'][number]): IncomingFragment {
  const { id, metadata, offset, chunkBytes, version, expiresAtMs, attributes, body } = fragment
  return { id, kind: metadata ? 'metadata' : 'data', offset, chunkBytes, bytes: body, version, expiresAtMs, attributes }
}

export function journalFragment(fragment: DecodedPack['fragments'][number]): JournalFragment {
  const { source, id, metadata, offset, chunkBytes, version, expiresAtMs, readProbability } = fragment
  return {
    source,
    id,
    metadata,
    offset,
    length: fragment.body.byteLength,
    chunkBytes,
    version,
    expiresAtMs,
    readProbability,
    attributes: toBase64(fragment.attributes),
  }
}

export function recalledFragment({ id, metadata, offset, length, chunkBytes, version, expiresAtMs, attributes }: JournalFragment) {
  const kind = metadata ? ('metadata' as const) : ('data' as const)
  return { id, kind, offset, length, chunkBytes, version, expiresAtMs, attributes: fromBase64(attributes) }
}

export function groupBySource<Item extends { readonly source: number }>(items: readonly Item[]): Map<number, Item[]> {
  return Map.groupBy(items, (item) => item.source)
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

export function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'))
}

function journalVerdict({ since, whole, partial }: Verdict): NonNullable<JournalEntry['verdict']> {
  return { since, whole: whole.toRuns(), partial: [...partial].map(([pack, fragments]) => [pack, fragments.toRuns()]) }
}

export function recalledVerdict({ since, whole, partial }: NonNullable<JournalEntry['verdict']>): Verdict {
  return { since, whole: PackSet.fromRuns(whole), partial: new Map(partial.map(([pack, runs]) => [pack, PackSet.fromRuns(runs)])) }
}

/** What is remembered of a pack that is restored. */
export function journalEntry(number: number, pack: DecodedPack, placed: Placed, unfinished: readonly JournalFragment[]): JournalEntry {
  return {
    pack: number,
    chunks: placed.chunks,
    bytes: placed.bytes,
    weights: Object.fromEntries(placed.weights),
    keys: keysToText(placed.keys),
    ...(unfinished.length > 0 && { unfinished }),
    ...(pack.sources.length > 0 && { sources: pack.sources }),
    ...(pack.references.length > 0 && { references: pack.references }),
    ...(pack.verdict && { verdict: journalVerdict(pack.verdict) }),
    ...(pack.superseded.size > 0 && { superseded: pack.superseded.toRuns() }),
    ...(pack.receipt && { receipt: { content: toBase64(pack.receipt.content), signature: toBase64(pack.receipt.signature) } }),
  }
}
