// A cache of the package lru-cache as what serveAppSource serves. Entries go in groups, the most recently used first, and come back with their order,
// start and time to live. What the successor's own requests have put there meanwhile is fresher and stays, and nothing is pushed out for what comes.

import type { LRUCache } from 'lru-cache'
import { HeirloomError } from '../src/errors.ts'
import { appBodyBytesMax } from '../src/limits/source.ts'
import type { AppChunk } from './app-inventory.ts'
import type { AppContent, AppRestore, AppSource } from './app-api.ts'

export interface LruCacheSourceOptions<Key extends {}, Value extends {}> {
  readonly cache: LRUCache<Key, Value>
  /** Tells this cache from others of the same application: it begins the chunks' ids. Default: cache. */
  readonly name?: string
  /** An entry as JSON can write it, and back. Without them: keys and values are what JSON writes as they are. */
  readonly encode?: (key: Key, value: Value) => unknown
  readonly decode?: (written: unknown) => readonly [Key, Value]
  /** About how many bytes of JSON go together. Default: 64 KiB. */
  readonly groupBytes?: number
}

/** A cache, and which chunks are its own: an application with several serves those that `owns` says. */
export interface LruCacheSource extends AppSource {
  owns(id: string): boolean
}

/** One line of a chunk: [entry, size, ttl, start]; start is wall time in ms. */
type Line = readonly [written: unknown, size: number, ttlMs: number, startMs: number]

type Entry<Key, Value> = readonly [Key, LRUCache.Entry<Value>]

/** Entries whose written form is measured, for an idea of the others'. */
const sampled = 64

export function lruCacheSource<Key extends {}, Value extends {}>(options: LruCacheSourceOptions<Key, Value>): LruCacheSource {
  const { cache, name = 'cache', groupBytes = 64 * 1024 } = options
  const { encode = (key, value) => [key, value], decode = (written) => written as [Key, Value] } = options
  /** The entries of each group; they are written when they are read. */
  let groups: readonly (readonly Entry<Key, Value>[])[] = []
  /** What came, by the rank that it had: the order is put right when all is there. */
  const restored = new Map<Key, number>()
  const owns = (id: string) => new RegExp(`^${RegExp.escape(name)}/\\d{1,9}$`).test(id)

  return {
    owns,
    inventory({ requery = false }) {
      // Asked again it says the same: what is in a group that has gone must not be in another one.
      const entries = requery ? groups.flat() : (cache.dump().reverse() as Entry<Key, Value>[])
      const meanBytes = Math.max(1, write(entries.slice(0, sampled), encode).length / Math.min(entries.length, sampled))
      const perGroup = Math.max(1, Math.round(groupBytes / meanBytes))
      if (!requery)
        groups = Array.from({ length: Math.ceil(entries.length / perGroup) }, (_, at) => entries.slice(at * perGroup, (at + 1) * perGroup))
      return groups.map((group, rank) => describe(`${name}/${rank}`, rank, Math.round(group.length * meanBytes), expiryOf(group)))
    },
    read(id): AppContent | undefined {
      const group = owns(id) ? groups[Number(id.slice(name.length + 1))] : undefined
      return (
        group && {
          body: write(
            group.filter(([key, { value }]) => cache.peek(key) === value),
            encode,
          ),
        }
      )
    },
    async restore(chunk: AppRestore) {
      if (!owns(chunk.id)) throw new HeirloomError('not-found', `${chunk.id} is no chunk of ${name}`)
      const rank = Number(chunk.id.slice(name.length + 1)) * appBodyBytesMax
      const lines = (await chunk.text()).split('\n').filter((line) => line !== '')
      let leftOut = 0
      lines.forEach((line, index) => {
        const [written, sizeThere, ttl, startMs] = parseLine(line)
        const [key, value] = decode(written)
        const size = cache.sizeCalculation?.(value, key) ?? sizeThere
        const ageMs = Date.now() - startMs
        if (cache.has(key) || (ttl > 0 && ageMs >= ttl)) return
        if (!hasRoom(cache, size)) return void leftOut++
        const times = ttl > 0 ? { ttl, start: cache.perf.now() - ageMs } : {}
        cache.set(key, value, { ...times, ...(size > 0 && { size }) })
        if (cache.has(key)) restored.set(key, rank + index)
      })
      if (leftOut > 0) throw new HeirloomError('no-space', `${name} has no room for ${leftOut} of ${lines.length} entries`)
    },
    ready() {
      reorder(cache, restored)
      restored.clear()
    },
  }
}

/** The first are likely to be read soonest: of an LRU cache hardly more is known than the order. */
function describe(id: string, rank: number, bytes: number, expiresAtMs: number | undefined): AppChunk {
  return { id, bytes, readProbability: 1 / (rank + 1), ...(expiresAtMs !== undefined && { expiresAtMs }) }
}

/** A line an entry. */
function write<Key extends {}, Value extends {}>(
  entries: readonly Entry<Key, Value>[],
  encode: (key: Key, value: Value) => unknown,
): string {
  const lines = entries.map(([key, { value, size = 0, ttl = 0, start = 0 }]) =>
    JSON.stringify([encode(key, value), size, ttl, start] satisfies Line),
  )
  return lines.map((line) => `${line}\n`).join('')
}

/** A group is worthless when its last entry is; undefined: never. */
function expiryOf(entries: readonly Entry<{}, {}>[]): number | undefined {
  const latestMs = entries.reduce((latest, [, { ttl = 0, start = 0 }]) => Math.max(latest, ttl > 0 ? start + ttl : Infinity), 0)
  return latestMs === Infinity ? undefined : latestMs
}

/** Throws `malformed`. */
function parseLine(text: string): Line {
  let line: unknown
  try {
    line = JSON.parse(text)
  } catch {
    // Told below, like anything else that is no line.
  }
  const isLine = Array.isArray(line) && line.length === 4 && line.slice(1).every((each) => typeof each === 'number' && each >= 0)
  if (!isLine) throw new HeirloomError('malformed', 'not an entry of a cache')
  return line as Line
}

/** Without pushing out anything. */
function hasRoom<Key extends {}, Value extends {}>(cache: LRUCache<Key, Value>, size: number): boolean {
  const { max, maxSize, size: entries, calculatedSize } = cache
  return (max === 0 || entries < max) && (maxSize === 0 || calculatedSize + size <= maxSize)
}

/** What came takes the order that it had; what the application has put there itself was used later than all of that. */
function reorder<Key extends {}, Value extends {}>(cache: LRUCache<Key, Value>, restored: ReadonlyMap<Key, number>): void {
  const own = [...cache.rkeys()].filter((key) => !restored.has(key))
  const came = [...restored].sort(([, one], [, other]) => other - one).map(([key]) => key)
  // Using one makes it the most recent: from the least recently used to the most. That must not make it younger.
  for (const key of [...came, ...own]) cache.get(key, { updateAgeOnGet: false })
}
