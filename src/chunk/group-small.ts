// Small items are grouped as they are listed, a target's worth at a time: what lies together is used together. The other half of division by
// content, for what is too small to be cut.

import type { Chunk } from './chunk.ts'

/** Groups small items; `next` numbers the groups, over all batches of an inventory. */
export function groupSmall(chunks: readonly Chunk[], targetBytes: number, next: () => number, bytesOf: (chunk: Chunk) => number): Chunk[] {
  let group: string | undefined
  let bytes = 0
  return chunks.map((chunk): Chunk => {
    const size = bytesOf(chunk)
    if (chunk.kind !== 'data' || chunk.group !== undefined || 2 * size > targetBytes) {
      group = undefined
      return chunk
    }
    if (group === undefined || bytes + size > targetBytes) {
      group = `content ${next()}`
      bytes = 0
    }
    bytes += size
    return { ...chunk, group }
  })
}
