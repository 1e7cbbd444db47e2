// The thread of a directory source: walks and reads.

import { workerData } from 'node:worker_threads'
import { HeirloomError } from '../../../src/errors.ts'
import { skippedToldMax } from '../../../src/limits/source.ts'
import { cutStretch } from './content-cuts.ts'
import type { Entry } from './entry.ts'
import { listEntries } from './listing.ts'
import { entryColumns, readAnswer, readItems, type ListAnswer, type ReaderData, type ReaderRequest, type Skipped } from './reader-calls.ts'
import { BatchMemory, FileReader } from './reader.ts'
import { answerCalls } from './thread-calls.ts'
import { Walker } from './walk.ts'

interface Listing {
  readonly batches: Generator<readonly Entry[]>
  /** Found since the last answer. */
  skipped: Skipped[]
}

const data = workerData as ReaderData
const walker = new Walker(data)
const reader = new FileReader(data)
const listings = new Map<number, Listing>()
let opened = 0

function open({ order, nowMs }: Extract<ReaderRequest, { kind: 'open' }>): number {
  const skipped: Skipped[] = []
  const onSkipped = (path: string, why: string) => {
    if (listing.skipped.length < skippedToldMax) listing.skipped.push({ path, why })
  }
  const listing: Listing = { batches: listEntries(walker, order, nowMs, onSkipped), skipped }
  listings.set(opened, listing)
  return opened++
}

function next(listing: Listing | undefined): ListAnswer {
  if (listing === undefined) throw new HeirloomError('internal', 'a listing is asked for that was closed')
  const { value, done } = listing.batches.next()
  const skipped = listing.skipped
  listing.skipped = []
  return { batch: done === true ? undefined : entryColumns(value), skipped }
}

answerCalls<ReaderRequest>((request) => {
  if (request.kind === 'open') return { answer: open(request) }
  if (request.kind === 'next') return { answer: next(listings.get(request.listing)) }
  if (request.kind === 'close') return { answer: listings.delete(request.listing) }
  if (request.kind === 'cut') return { answer: cutStretch(data.root, request) }
  const items = readItems(request)
  const memory = new BatchMemory(items.reduce((sum, item) => sum + item.bytes, 0))
  return readAnswer(reader.readBatch(items, memory), memory)
})
