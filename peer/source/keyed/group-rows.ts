// Division of keys by their read probability (claim 3): keys that are worth about as much go together into one chunk, so that a million keys make ten
// thousand chunks and still go nearly in their order. A large key goes alone, and where there are few keys each does.

import { keyGroupBytes, keyGroupedBytesMax, keyGroupKeysMax, keysAloneMax } from '../../../src/limits/keyed.ts'

/** Keys of one group differ at most by this factor in what they are worth. */
const spreadMax = 4

export interface GroupRowsOptions {
  /** In the order in which they go. */
  readonly rows: Uint32Array
  readonly bytesOf: (row: number) => number
  readonly valueOf: (row: number) => number
  /** No more rows than this are not grouped. */
  readonly aloneMax?: number | undefined
}

/** The rows cut into groups, in their order; each is a view. */
export function* groupRows({ rows, bytesOf, valueOf, aloneMax = keysAloneMax }: GroupRowsOptions): Generator<Uint32Array> {
  const isLarge = (row: number) => bytesOf(row) > keyGroupedBytesMax
  let start = 0
  let bytes = 0
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at]!
    const size = bytesOf(row)
    const isFull = bytes + size > keyGroupBytes || at - start >= keyGroupKeysMax
    if (at > start && (rows.length <= aloneMax || isFull || isLarge(row) || isLarge(rows[at - 1]!) || differ(rows[start]!, row))) {
      yield rows.subarray(start, at)
      start = at
      bytes = 0
    }
    bytes += size
  }
  if (start < rows.length) yield rows.subarray(start)

  function differ(first: number, row: number): boolean {
    const [one, other] = [valueOf(first), valueOf(row)]
    return Math.min(one, other) * spreadMax < Math.max(one, other)
  }
}
