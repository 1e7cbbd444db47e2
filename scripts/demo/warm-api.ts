// The shop's side of the handoff: how it divides its memory into chunks, in which order they go, and how they come back.
//
// Products go in segments of like heat, sessions in buckets, the most recently used first. What is in which segment stands in
// a table that travels as metadata; a segment itself has no ids, so that it means nothing without its table. The sessions go
// before the products: their carts are nowhere else.

import { HeirloomError } from '../../src/errors.ts'
import type { AppChunk, AppContent, AppRestore, AppSource } from '../../peer/app-api.ts'
import type { CachedProduct, Session, ShopState } from './shop-state.ts'

export interface WarmOptions {
  /** Told of every chunk that was restored, in the order of their coming. */
  readonly onRestore?: (id: string) => void
  readonly onReady?: () => void
}

const productsPerSegment = 48
const sessionsPerBucket = 128
const segmentTable = 'products/segments'
const bucketTable = 'sessions/directory'

/** What was divided for one handoff: it stays the same when the inventory is asked for again, so that ids keep their meaning. */
interface Division {
  readonly handoff: string
  readonly segments: readonly (readonly number[])[]
  readonly buckets: readonly (readonly string[])[]
}

/** The tables that came from the predecessor so far. */
type Tables = { -readonly [Name in 'segments' | 'buckets']?: Division[Name] }

/** The app source of a shop. */
export function createWarmSource(state: ShopState, { onRestore = () => {}, onReady = () => {} }: WarmOptions = {}): AppSource {
  let division: Division | undefined
  const restored: Tables = {}
  return {
    inventory({ handoff }) {
      if (division?.handoff !== handoff) division = divide(state, handoff)
      return listChunks(state, division)
    },
    read(id) {
      return division === undefined ? undefined : readChunk(state, division, id)
    },
    async restore(chunk) {
      await restoreChunk(state, restored, chunk)
      onRestore(chunk.id)
    },
    ready: onReady,
  }
}

function divide(state: ShopState, handoff: string): Division {
  const products = [...state.products.entries()].sort(([, one], [, other]) => other.reads - one.reads).map(([id]) => id)
  // An lru-cache lists its entries from the most recently used to the least.
  return { handoff, segments: slices(products, productsPerSegment), buckets: slices([...state.sessions.keys()], sessionsPerBucket) }
}

function slices<T>(items: readonly T[], length: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / length) }, (_, index) => items.slice(index * length, (index + 1) * length))
}

/** The tables answer no read themselves: a token weight, so that the successor's readiness goes by what its users read. */
const tableWeight = 0.01

function* listChunks(state: ShopState, { segments, buckets }: Division): Generator<AppChunk> {
  const sessionsOf = (users: readonly string[]) => users.flatMap((user) => state.sessions.peek(user) ?? [])
  const productsOf = (ids: readonly number[]) => ids.flatMap((id) => state.products.peek(id) ?? [])
  const uses = (users: readonly string[]) => sum(sessionsOf(users).map((session) => session.uses))
  const reads = (ids: readonly number[]) => sum(productsOf(ids).map((product) => product.reads))
  const all = Math.max(1, uses(buckets.flat()) + reads(segments.flat()))
  yield { id: segmentTable, kind: 'metadata', readProbability: tableWeight, priority: 4 }
  yield { id: bucketTable, kind: 'metadata', readProbability: tableWeight, priority: 3 }
  for (const [index, users] of buckets.entries()) {
    // A bucket lives as long as the last of its sessions.
    const expiresAtMs = Math.max(0, ...sessionsOf(users).map((session) => session.expiresAtMs))
    const hints = { readProbability: uses(users) / all, priority: 2, dirty: true, expiresAtMs, group: 'sessions' }
    yield { id: chunkId('sessions', index), kind: 'data', ...hints }
  }
  for (const [index, ids] of segments.entries()) {
    const bytes = sum(productsOf(ids).map(({ document }) => document.length))
    yield { id: chunkId('products', index), kind: 'data', bytes, readProbability: reads(ids) / all, priority: 1, group: 'products' }
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function chunkId(kind: 'sessions' | 'products', index: number): string {
  return `${kind}/${String(index).padStart(4, '0')}`
}

function readChunk(state: ShopState, { segments, buckets }: Division, id: string): AppContent | undefined {
  if (id === segmentTable) return { body: JSON.stringify(segments) }
  if (id === bucketTable) return { body: JSON.stringify(buckets) }
  const { kind, index } = parseId(id)
  // An entry that was evicted since is a hole in the table's order.
  if (kind === 'sessions') return content(buckets[index]?.map((user) => state.sessions.peek(user) ?? null))
  return content(segments[index]?.map((product) => state.products.peek(product) ?? null))
}

function content(entries: readonly (Session | CachedProduct | null)[] | undefined): AppContent | undefined {
  return entries === undefined ? undefined : { body: JSON.stringify(entries) }
}

function parseId(id: string): { kind: 'sessions' | 'products'; index: number } {
  const match = /^(sessions|products)\/(\d{4,9})$/.exec(id)
  if (match === null) throw new HeirloomError('not-found', `the shop has no chunk ${JSON.stringify(id)}`)
  return { kind: match[1] as 'sessions' | 'products', index: Number(match[2]) }
}

async function restoreChunk(state: ShopState, restored: Tables, chunk: AppRestore): Promise<void> {
  const value: unknown = JSON.parse(await chunk.text())
  if (chunk.id === segmentTable) {
    restored.segments = value as Division['segments']
  } else if (chunk.id === bucketTable) {
    restored.buckets = value as Division['buckets']
  } else {
    const { kind, index } = parseId(chunk.id)
    if (kind === 'products') return void fill(state.products, named(restored.segments, index, chunk.id), value as (CachedProduct | null)[])
    const sessions = fill<string, Session>(state.sessions, named(restored.buckets, index, chunk.id), value as (Session | null)[])
    state.cartItemsRestored += sum(sessions.map((session) => session.cart.length))
  }
}

/** The names that a chunk's entries have by its table. */
function named<T>(table: readonly (readonly T[])[] | undefined, index: number, id: string): readonly T[] {
  const names = table?.[index]
  if (names === undefined) throw new HeirloomError('busy', `${id} came before the table that says what is in it`)
  return names
}

interface Entries<Key, Value> {
  has(key: Key): boolean
  set(key: Key, value: Value): unknown
}

/** Puts the values under their names, and answers those that were put: what this shop has learned itself since its start is fresher. */
function fill<Key, Value>(entries: Entries<Key, Value>, names: readonly Key[], values: readonly (Value | null)[]): Value[] {
  return names.flatMap((name, index) => {
    const value = values[index]
    if (value === undefined || value === null || entries.has(name)) return []
    entries.set(name, value)
    return [value]
  })
}
