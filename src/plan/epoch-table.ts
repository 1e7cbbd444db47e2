// A history as the forecast looks at it: the epochs end at the notice, are as long as the forecast wants them, and every item has
// its epochs in one run, oldest first. Scores are then sums over short runs of neighbouring memory.

import type { AccessHistory } from './access-history.ts'

export interface EpochTable {
  readonly epochs: number
  /** Length of an epoch in accesses. */
  readonly width: number
  /** By item: where its run begins; one more at the end. */
  readonly offsets: Uint32Array
  /** By place in the runs: the epoch, and the accesses in it. */
  readonly epoch: Uint16Array
  readonly count: Float32Array
}

/** The last `epochsMax` epochs of `width` accesses each; what is older is left out. */
export function createEpochTable(history: AccessHistory, width: number, epochsMax: number): EpochTable {
  const now = history.accesses
  const epochs = Math.max(1, Math.min(epochsMax, Math.ceil((now - history.since) / width)))
  const begin = now - epochs * width
  const epochOf = (middle: number) => Math.min(epochs - 1, Math.floor((middle - begin) / width))
  const items = history.itemsEnd
  const offsets = new Uint32Array(items + 1)
  const newest = new Int32Array(items).fill(-1)
  history.forEach((item, _count, middle) => {
    const epoch = epochOf(middle)
    if (epoch < 0 || newest[item] === epoch) return
    newest[item] = epoch
    offsets[item + 1]!++
  })
  for (let item = 0; item < items; item++) offsets[item + 1]! += offsets[item]!
  const places = offsets[items]!
  const epochs16 = new Uint16Array(places)
  const counts = new Float32Array(places)
  const next = offsets.slice(0, items)
  newest.fill(-1)
  history.forEach((item, count, middle) => {
    const epoch = epochOf(middle)
    if (epoch < 0) return
    if (newest[item] !== epoch) {
      newest[item] = epoch
      epochs16[next[item]!++] = epoch
    }
    counts[next[item]! - 1]! += count
  })
  return { epochs, width, offsets, epoch: epochs16, count: counts }
}

/** How many items were used in the table's epochs. */
export function distinctItems({ offsets }: EpochTable): number {
  let distinct = 0
  for (let item = 0; item + 1 < offsets.length; item++) if (offsets[item + 1]! > offsets[item]!) distinct++
  return distinct
}
