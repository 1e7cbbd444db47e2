// Division by read probability (claim 3): items of like expected reads per byte are packed together, a target's worth at a time, so that the last
// pack that gets through is the least useful one. Where the borders lie follows from the probabilities: other probabilities, other borders.

import type { Chunk } from './chunk.ts'

/** Items of one pack differ at most by this factor, however few they are: mixing hot with cold would waste the pack on the cold. */
const spreadMax = 4

/**
 * Divides data into groups of up to `targetBytes`, the likeliest first, by `valueOf`, which is what an item is worth for each byte. Metadata
 * and dirty items, which go by other rules, come before them as they were.
 */
export function divideByProbability(
  chunks: readonly Chunk[],
  targetBytes: number,
  valueOf: (chunk: Chunk) => number,
  bytesOf: (chunk: Chunk) => number,
): Chunk[] {
  const others = chunks.filter((chunk) => !isDivided(chunk))
  // Rounded, so that pieces of one file, which are worth the same, stay in their order.
  const items = chunks.filter(isDivided).map((chunk) => ({ chunk, value: Math.fround(valueOf(chunk)), bytes: bytesOf(chunk) }))
  items.sort((a, b) => b.value - a.value)
  let group = 0
  let first: number | undefined
  let bytes = 0
  const divided = items.map(({ chunk, value, bytes: size }): Chunk => {
    if (first !== undefined && (bytes + size > targetBytes || value * spreadMax < first)) {
      group++
      bytes = 0
      first = undefined
    }
    first ??= value
    bytes += size
    return { ...chunk, group: `probability ${group}` }
  })
  return [...others, ...divided]
}

function isDivided({ kind, dirty, group }: Chunk): boolean {
  return kind === 'data' && dirty !== true && group === undefined
}
