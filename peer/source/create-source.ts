// From one `sources` entry of the configuration to its source and its sink: one row a kind that is built.

import { join } from 'node:path'
import { HeirloomError } from '../../src/errors.ts'
import type { SourceEntry } from '../../src/plan/manifest.ts'
import { createAppSink } from './app/sink.ts'
import { createAppSource } from './app/source.ts'
import { createCommandSink } from './command/sink.ts'
import { createCommandSource } from './command/source.ts'
import { divided } from './divided.ts'
import { stagingPrefix } from './directory/path.ts'
import { createDirectorySink } from './directory/sink.ts'
import { createDirectorySource } from './directory/source.ts'
import type { KeyDivision } from './keyed/key-parts.ts'
import { createMemcachedSink } from './memcached/sink.ts'
import { createMemcachedSource } from './memcached/source.ts'
import { createPageCacheSink } from './pagecache/sink.ts'
import { createPageCacheSource } from './pagecache/source.ts'
import { createPostgresqlSink } from './postgresql/sink.ts'
import { createPostgresqlSource } from './postgresql/source.ts'
import { createRedisSink } from './redis/sink.ts'
import { createRedisSource } from './redis/source.ts'
import type { Sink, Source } from './source.ts'

export interface CreateOptions {
  readonly onWarning?: (message: string) => void
  /** How the source's state is going to be divided, where that is known before the notice. */
  readonly division?: KeyDivision | undefined
}

interface Adapter<Entry> {
  readonly source: (entry: Entry, options: CreateOptions) => Source
  /** `state` is the peer's own directory, for what can't stay beside the state itself. */
  readonly sink: (entry: Entry, state: string) => Sink
}

type EntryOf<Kind extends SourceEntry['kind']> = Extract<SourceEntry, { kind: Kind }>

const adapters: { readonly [Kind in SourceEntry['kind']]?: Adapter<EntryOf<Kind>> } = {
  app: {
    source: (entry, options) => createAppSource({ ...entry, ...options }),
    sink: (entry, state) => createAppSink({ ...entry, staging: stagingIn(state, entry) }),
  },
  command: {
    source: (entry, options) => createCommandSource({ ...entry, ...options }),
    sink: (entry, state) => createCommandSink({ ...entry, staging: stagingIn(state, entry) }),
  },
  directory: {
    source: (entry, options) => createDirectorySource({ ...entry, ...options }),
    sink: (entry) => createDirectorySink({ ...entry, staging: join(entry.path, `${stagingPrefix}${entry.name}`) }),
  },
  pagecache: {
    source: (entry, options) => createPageCacheSource({ ...entry, ...options }),
    sink: (entry, state) => createPageCacheSink({ ...entry, staging: stagingIn(state, entry) }),
  },
  redis: {
    source: (entry, options) => createRedisSource({ ...entry, ...options }),
    sink: (entry, state) => createRedisSink({ ...entry, staging: stagingIn(state, entry) }),
  },
  memcached: {
    source: (entry, options) => createMemcachedSource({ ...entry, ...options }),
    sink: (entry, state) => createMemcachedSink({ ...entry, staging: stagingIn(state, entry) }),
  },
  postgresql: {
    source: (entry, options) => createPostgresqlSource({ ...entry, ...options }),
    sink: (entry, state) => createPostgresqlSink({ ...entry, staging: stagingIn(state, entry) }),
  },
}

function stagingIn(state: string, { name }: SourceEntry): string {
  return join(state, 'staging', name)
}

/** Throws `config` for a kind that this version doesn't have. */
export function createSource(entry: SourceEntry, options: CreateOptions = {}): Source {
  return divided(adapterOf(entry).source(entry, options), entry.divide)
}

/** Throws `config` for a kind that this version doesn't have. */
export function createSink(entry: SourceEntry, state: string): Sink {
  return adapterOf(entry).sink(entry, state)
}

function adapterOf(entry: SourceEntry): Adapter<SourceEntry> {
  const adapter = adapters[entry.kind]
  if (adapter === undefined) throw new HeirloomError('config', `sources of kind ${entry.kind} aren't in this version yet`)
  // The row was found by the entry's own kind, so its type is the entry's.
  return adapter as unknown as Adapter<SourceEntry>
}
