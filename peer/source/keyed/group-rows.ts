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
export function* groupRows(options: GroupRowsOptions): Generator<Uint32Array> {
  const { rows } = options
  for (let start = 0; start < rows.length;) {
    const end = groupEnd(options, start)
    yield rows.subarray(start, end)
    start = end
  }
}

/** Where the group ends that begins at `start`. */
function groupEnd({ rows, bytesOf, valueOf, aloneMax = keysAloneMax }: GroupRowsOptions, start: number): number {
  let bytes = bytesOf(rows[start]!)
  if (rows.length <= aloneMax || bytes > keyGroupedBytesMax) return start + 1
  const value = valueOf(rows[start]!)
  const end = Math.min(rows.length, start + keyGroupKeysMax)
  for (let at = start + 1; at < end; at++) {
    const size = bytesOf(rows[at]!)
    bytes += size
    if (bytes > keyGroupBytes || size > keyGroupedBytesMax) return at
    const other = valueOf(rows[at]!)
    if (Math.min(value, other) * spreadMax < Math.max(value, other)) return at
  }
  return end
}
