// Items in their order, a pack's worth at a time.

import { readBatchChunksMax } from '../../src/limits/source.ts'
import { packBytesTarget } from '../../src/limits/wire.ts'

/** At least one item each, and beyond that at most packBytesTarget bytes and readBatchChunksMax items. */
export function* batchesOf<Item>(items: Iterable<Item>, bytesOf: (item: Item) => number): Generator<Item[]> {
  let batch: Item[] = []
  let bytes = 0
  for (const item of items) {
    const itemBytes = bytesOf(item)
    if (batch.length > 0 && (bytes + itemBytes > packBytesTarget || batch.length >= readBatchChunksMax)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(item)
    bytes += itemBytes
  }
  if (batch.length > 0) yield batch
}
