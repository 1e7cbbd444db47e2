// An application's state in the simulated world: the bytes of every chunk follow from whose it is, so that whoever restores one knows whether it
// is the right one.

import type { Chunk, ChunkPart, LeftOut } from '../../src/chunk/chunk.ts'
import { delay } from '../../src/clock.ts'
import { HeirloomError } from '../../src/errors.ts'
import { packBytesTarget } from '../../src/limits/wire.ts'
import type { InventoryQuery, Source, WaitOptions } from '../../peer/source/source.ts'
import type { SeededRandom } from '../helpers/seed.ts'
import type { LivingState } from './living-state.ts'
import type { Process } from './process.ts'

/** Of a chunk; version 0 of one that never changes. */
export interface ContentName {
  readonly owner: string
  readonly source: string
  readonly id: string
  readonly version: number
}

/** `length` bytes of the chunk from `offset` on. */
export function contentOf({ owner, source, id, version }: ContentName, offset: number, length: number): Uint8Array {
  let state = 0x811c9dc5
  for (const char of `${owner} ${source} ${id}${version > 0 ? ` ${version}` : ''}`)
    state = Math.imul(state ^ char.charCodeAt(0), 0x01000193) >>> 0
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at++) bytes[at] = Math.imul(state ^ (offset + at), 0x9e3779b1) >>> 24
  return bytes
}

export interface SimulatedChunk extends Chunk {
  /** Its real size; the inventory may be wrong about it. */
  readonly realBytes: number
}

/** What one source of a predecessor has, and how it behaves. */
export interface SourceScript {
  readonly name: string
  readonly chunks: readonly SimulatedChunk[]
  /** Ms that reading one chunk takes, at most. */
  readonly readMs: number
  readonly inventoryMs: number
  readonly fault: 'none' | 'hangs' | 'fails' | 'forgets'
  /** Undefined: it never changes. */
  readonly living?: LivingState | undefined
}

/** `slowness`: how many times the usual time it takes to read. */
export function drawSource(random: SeededRandom, name: string, slowness: number): SourceScript {
  const count = random.next() < 0.1 ? 0 : random.integer(1, 24)
  const metadata = random.integer(0, 3)
  const chunks = Array.from({ length: count }, (_, index): SimulatedChunk => {
    const realBytes =
      random.next() < 0.1 ? 0 : random.next() < 0.2 ? random.integer(1, 4 * packBytesTarget) : random.integer(1, packBytesTarget)
    return {
      id: `${name}-${index}`,
      kind: index < metadata ? 'metadata' : 'data',
      bytes: random.next() < 0.9 ? realBytes : random.integer(0, 2 * packBytesTarget),
      readProbability: random.next(),
      dirty: random.next() < 0.2,
      realBytes,
    }
  })
  const luck = random.next()
  return {
    name,
    chunks,
    readMs: slowness * (random.next() < 0.3 ? 0 : random.next() * 400),
    inventoryMs: random.next() * 500,
    fault: luck < 0.03 ? 'hangs' : luck < 0.06 ? 'fails' : luck < 0.1 ? 'forgets' : 'none',
  }
}

export class SimulatedSource implements Source {
  readonly kind = 'app'
  readonly name: string
  readonly #owner: string
  readonly #script: SourceScript
  readonly #process: Process
  /** By id: a plan hands out chunks of its own. */
  readonly #realBytes: ReadonlyMap<string, number>

  constructor(owner: string, script: SourceScript, process: Process) {
    this.name = script.name
    this.#realBytes = new Map(script.chunks.map(({ id, realBytes }) => [id, realBytes]))
    this.#owner = owner
    this.#script = script
    this.#process = process
  }

  async warm(): Promise<void> {}

  async *inventory(_query: InventoryQuery, { signal }: WaitOptions): AsyncGenerator<Chunk[]> {
    const { chunks, inventoryMs, fault } = this.#script
    const half = Math.floor(chunks.length / 2)
    await delay(this.#process.clock, inventoryMs, signal)
    yield this.#listed(chunks.slice(0, half))
    await delay(this.#process.clock, fault === 'hangs' ? 1e9 : inventoryMs, signal)
    yield this.#listed(chunks.slice(half))
  }

  /** What there is of them now. */
  #listed(chunks: readonly Chunk[]): Chunk[] {
    const { living } = this.#script
    if (living === undefined) return [...chunks]
    return chunks.flatMap((chunk) => {
      const version = living.version(chunk.id)
      return version === undefined ? [] : { ...chunk, version: String(version) }
    })
  }

  async *read(chunks: readonly Chunk[], { signal }: WaitOptions): AsyncGenerator<(ChunkPart | LeftOut)[]> {
    const { readMs, fault } = this.#script
    for (const chunk of chunks) {
      await delay(this.#process.clock, this.#process.random.next() * readMs, signal)
      const luck = this.#process.random.next()
      if (fault === 'fails' && luck < 0.1) throw new HeirloomError('source-failed', 'the application is gone')
      if (fault === 'forgets' && luck < 0.2) yield [{ chunk, leftOut: 'vanished' }]
      else yield* this.#parts(chunk, this.#realBytes.get(chunk.id)!)
    }
  }

  *#parts(chunk: Chunk, chunkBytes: number): Generator<(ChunkPart | LeftOut)[]> {
    const { living } = this.#script
    const version = living === undefined ? 0 : living.version(chunk.id)
    if (version === undefined) return yield [{ chunk, leftOut: 'vanished' }]
    const name = { owner: this.#owner, source: this.name, id: chunk.id, version }
    const told = living === undefined ? {} : { version: String(version) }
    for (let offset = 0; offset < chunkBytes || offset === 0; offset += packBytesTarget) {
      const length = Math.min(packBytesTarget, chunkBytes - offset)
      yield [{ chunk, offset, chunkBytes, bytes: contentOf(name, offset, length), ...told }]
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
