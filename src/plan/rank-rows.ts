// Sorts the rows of an inventory by value. A comparison sort of a million takes half a second; this one, by the bits of the values, a twentieth.

/** Below this many a comparison sort is as quick, and needs no tables. */
const fewRows = 512
const digitBits = 11
const digits = 1 << digitBits

/** Sorts in place: the highest value first, then the highest priority, then as they were listed. Values are at least 0. */
export function rankRows(rows: Uint32Array, values: Float32Array, priorities: Float64Array | undefined): void {
  if (rows.length < fewRows) {
    rows.sort((a, b) => compareRows(a, b, values, priorities))
    return
  }
  // Each pass keeps the order of the one before where its own keys are equal, so the least important criterion comes first.
  if (priorities !== undefined) sortByKeys(rows, keysOf(rows, Float32Array.from(priorities, priorityOf)))
  sortByKeys(rows, keysOf(rows, values))
}

/** Negative when row `a` goes before row `b`. */
export function compareRows(a: number, b: number, values: Float32Array, priorities: Float64Array | undefined): number {
  const byValue = values[b]! - values[a]!
  if (byValue !== 0 && !Number.isNaN(byValue)) return byValue
  return (priorities === undefined ? 0 : priorityOf(priorities[b]!) - priorityOf(priorities[a]!)) || a - b
}

function priorityOf(priority: number): number {
  return Number.isNaN(priority) ? 0 : priority
}

/** Keys that sort ascending as whole numbers do where their values sort descending. */
function keysOf(rows: Uint32Array, values: Float32Array): Uint32Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const keys = new Uint32Array(rows.length)
  for (let index = 0; index < rows.length; index++) {
    const ofValue = bits[rows[index]!]!
    // The bits of a number from 0 are in its order; those of a negative one in the reverse, with the highest bit set.
    keys[index] = ofValue < 0x8000_0000 ? 0x7fff_ffff - ofValue : ofValue
  }
  return keys
}

function sortByKeys(rows: Uint32Array, keys: Uint32Array): void {
  let from = { rows, keys }
  let to: typeof from = { rows: new Uint32Array(rows.length), keys: new Uint32Array(rows.length) }
  for (let shift = 0; shift < 32; shift += digitBits) {
    const starts = new Uint32Array(digits + 1)
    for (const key of from.keys) starts[((key >>> shift) & (digits - 1)) + 1]!++
    for (let digit = 0; digit < digits; digit++) starts[digit + 1]! += starts[digit]!
    for (let index = 0; index < rows.length; index++) {
      const key = from.keys[index]!
      const at = starts[(key >>> shift) & (digits - 1)]!++
      to.keys[at] = key
      to.rows[at] = from.rows[index]!
    }
    ;[from, to] = [to, from]
  }
  if (from.rows !== rows) rows.set(from.rows)
}
