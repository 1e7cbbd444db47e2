// One inventory of a directory in the making: folders and links as the walk finds them, files in the order that was asked for.
// A very large tree is given out in stretches, each ordered in itself, so that the first files needn't wait for the last.

import { listEntriesMax, listStretchEntriesMax } from '../../../src/limits/source.ts'
import type { Order } from '../../../src/plan/manifest.ts'
import type { Entry } from './entry.ts'
import { comparePaths } from './path.ts'
import type { OnSkipped, Walker } from './walk.ts'

/** All entries in batches of at most listEntriesMax (metadata: of one folder). Throws `io` when the root can't be read. */
export function* listEntries(walker: Walker, order: Order, nowMs: number, onSkipped: OnSkipped): Generator<readonly Entry[]> {
  let files: Entry[] = []
  let metadata: Entry[] = []
  for (const entries of walker.walk(nowMs, onSkipped)) {
    for (const entry of entries) (entry.type === 'file' ? files : metadata).push(entry)
    if (metadata.length >= listEntriesMax) {
      yield* inBatches(metadata)
      metadata = []
    }
    if (files.length < listStretchEntriesMax) continue
    yield* inBatches(metadata)
    yield* inBatches(files.sort(comparators[order]))
    metadata = []
    files = []
  }
  yield* inBatches(metadata)
  yield* inBatches(files.sort(comparators[order]))
}

function* inBatches(entries: readonly Entry[]): Generator<readonly Entry[]> {
  for (let at = 0; at < entries.length; at += listEntriesMax) yield entries.slice(at, at + listEntriesMax)
}

const byKey = (a: Entry, b: Entry) => comparePaths(a.path, b.path)
const byRecency = (a: Entry, b: Entry) => b.mtimeMs - a.mtimeMs || byKey(a, b)

/** A directory knows sizes, names and times; orders that need more fall back on recency. */
const comparators: Record<Order, (a: Entry, b: Entry) => number> = {
  recency: byRecency,
  forecast: byRecency,
  frequency: byRecency,
  app: byRecency,
  size: (a, b) => a.size - b.size || byKey(a, b),
  key: byKey,
}
