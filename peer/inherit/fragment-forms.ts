// A fragment as it comes out of a pack, as a sink takes it, and as the journal remembers it.

import type { DecodedPack, Verdict } from '../../src/chunk/pack.ts'
import type { IncomingFragment } from '../source/source.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import type { JournalEntry, JournalFragment } from './journal-lines.ts'

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

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

export function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'))
}

export function journalVerdict({ since, whole, partial }: Verdict): NonNullable<JournalEntry['verdict']> {
  return { since, whole: whole.toRuns(), partial: [...partial].map(([pack, fragments]) => [pack, fragments.toRuns()]) }
}

export function recalledVerdict({ since, whole, partial }: NonNullable<JournalEntry['verdict']>): Verdict {
  return { since, whole: PackSet.fromRuns(whole), partial: new Map(partial.map(([pack, runs]) => [pack, PackSet.fromRuns(runs)])) }
}
