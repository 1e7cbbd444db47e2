// The stages from read chunks to sealed packs, as async iterables composed with it-pipe: gather, pack, compress and seal.
// Reading is the feeds'. A pack is made only when somebody asks for one, of the best parts that are ready then.

import { pipe } from 'it-pipe'
import { encodePack, type EncodePackInput } from '../../src/chunk/pack.ts'
import type { ChunkPart } from '../../src/chunk/chunk.ts'
import { groupPackBytesMin } from '../../src/limits/handoff.ts'
import { referenceBytes, type Reference } from '../../src/chunk/reference.ts'
import { packBytesTarget, packFragmentsMax, packReferenceBytesMax, packReferencesMax } from '../../src/limits/wire.ts'
import type { Plan } from '../../src/plan/plan.ts'
import type { PackSealer } from '../../src/seal/pack-seal.ts'
import { freeMemory } from '../../src/wire/free-memory.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import type { SealedPack } from '../../src/wire/sealed-pack.ts'
import type { Feed } from './feed.ts'
import type { Entry, Ledger } from './ledger.ts'
import type { MovedPacks, PackCompressor } from './pack-compressor.ts'

/** The numbers and the version in a fragment's head. */
const fragmentHeadBytes = 160

export interface Pipeline {
  /** The next sealed pack, made when it is asked for. Waits while nothing is ready; undefined once the signal has ended it. */
  next(): Promise<SealedPack | undefined>
  /** Parts were taken from the feeds that have not come out as a pack yet. */
  readonly isHolding: boolean
  /** Something became ready. */
  wake(): void
  /** So much has arrived of what came out of it, and so many packs are still to. */
  moved(packs: MovedPacks): void
  /** These numbers won't come any more; the next pack says so. */
  supersede(numbers: readonly number[]): void
  /** Seals the last pack: the receipt. */
  sealReceipt(receipt: { content: Uint8Array; signature: Uint8Array }): SealedPack
}

export interface PipelineOptions {
  readonly plan: Plan
  readonly feeds: readonly Feed[]
  readonly ledger: Ledger
  readonly sealer: PackSealer
  /** Undefined: packs go as they are. */
  readonly compressor: PackCompressor | undefined
  readonly signal: AbortSignal
}

export function createPipeline({ plan, feeds, ledger, sealer, compressor, signal }: PipelineOptions): Pipeline {
  const gatherer = new Gatherer(plan, feeds, signal)
  const referred = new Map<number, readonly Reference[]>()
  const announced = new Map<number, string>()
  const introduced = new Set<number>()
  let superseded = new PackSet()
  let barrier = 0

  function packOf({ entries, references }: Gathered, receipt?: EncodePackInput['receipt']) {
    const number = ledger.append(entries)
    if (references.length > 0) referred.set(number, references)
    const sources = news(plan, announced)
    const input = { barrier, sources, fragments: entries.map(fragmentOf), superseded, references, ...(receipt && { receipt }) }
    superseded = new PackSet()
    // What follows builds on metadata, and on knowing which source is which.
    const introduces = sources.some(({ source }) => !introduced.has(source))
    for (const { source } of sources) introduced.add(source)
    if (introduces || entries.some(({ part }) => part.chunk.kind === 'metadata')) barrier = number + 1
    return { number, entries, pieces: encodePack(input) }
  }

  const stages = pipe(
    gatherer.groups(),
    async function* pack(groups: AsyncIterable<Gathered>) {
      for await (const group of groups) yield packOf(group)
    },
    async function* seal(plain: AsyncIterable<ReturnType<typeof packOf>>) {
      for await (const { number, entries, pieces } of plain) {
        const sealed = sealer.seal(number, pieces, await compressor?.shrink(entries[0]?.source ?? 0, pieces))
        freeMemory(entries.flatMap(({ part }) => (part.isGiven === true ? [part.bytes] : [])))
        yield sealed
      }
    },
  )
  const packs = stages[Symbol.asyncIterator]()
  return {
    async next() {
      try {
        const { value, done } = await packs.next()
        return done === true ? undefined : value
      } finally {
        gatherer.isHolding = false
      }
    },
    get isHolding() {
      return gatherer.isHolding
    },
    wake: () => gatherer.wake(),
    moved: (packs) => compressor?.moved(packs),
    supersede(numbers) {
      superseded.addAll(numbers)
      for (const number of numbers) {
        plan.giveReferencesBack(referred.get(number) ?? [])
        referred.delete(number)
      }
      announced.clear()
      introduced.clear()
    },
    sealReceipt(receipt) {
      gatherer.end()
      const { number, pieces } = packOf({ entries: [], references: [] }, receipt)
      return sealer.seal(number, pieces)
    },
  }
}

/** What a part takes up in a pack, at most: its body, and its head with id, version and attributes. */
function packedBytes({ chunk, bytes, attributes }: ChunkPart): number {
  return bytes.byteLength + 3 * chunk.id.length + (attributes?.byteLength ?? 0) + fragmentHeadBytes
}

function fragmentOf({ source, part }: Entry): EncodePackInput['fragments'][number] {
  const { chunk, offset, chunkBytes, bytes, version, attributes } = part
  const head = {
    source,
    id: chunk.id,
    metadata: chunk.kind === 'metadata',
    offset,
    chunkBytes,
    version: version ?? chunk.version ?? '',
    expiresAtMs: chunk.expiresAtMs ?? 0,
    readProbability: chunk.readProbability ?? 1,
    attributes: attributes ?? new Uint8Array(0),
  }
  return { head, body: bytes }
}

/** What the sources promise, if it isn't what was last said. */
function news(plan: Plan, announced: Map<number, string>): EncodePackInput['sources'] {
  return plan.sources().flatMap(({ index, name, kind }) => {
    const { chunks, bytes, weight } = plan.totals(index)
    const said = `${chunks} ${bytes}`
    if (announced.get(index) === said) return []
    announced.set(index, said)
    return [{ source: index, name, kind, chunks, bytes, readProbability: weight }]
  })
}

/** What goes into one pack. */
interface Gathered {
  readonly entries: readonly Entry[]
  readonly references: readonly Reference[]
}

/** Takes the best ready parts of all feeds, a pack's worth at a time; never waits for a fuller pack while it has something. */
class Gatherer {
  readonly #plan: Plan
  readonly #feeds: readonly Feed[]
  readonly #signal: AbortSignal
  #wake: (() => void) | undefined
  #isOver = false
  isHolding = false

  constructor(plan: Plan, feeds: readonly Feed[], signal: AbortSignal) {
    this.#plan = plan
    this.#feeds = feeds
    this.#signal = signal
    signal.addEventListener('abort', () => this.wake(), { once: true })
  }

  wake(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  /** Nothing is taken any more: the receipt has the highest number. */
  end(): void {
    this.#isOver = true
    this.wake()
  }

  async *groups(): AsyncGenerator<Gathered> {
    while (!this.#signal.aborted && !this.#isOver) {
      const entries = this.#gather()
      const references = this.#refer(entries)
      this.isHolding ||= references.length > 0
      if (this.isHolding) yield { entries, references }
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  #gather(): Entry[] {
    const group: Entry[] = []
    let bytes = 0
    this.isHolding = true
    while (group.length < packFragmentsMax) {
      const feed = this.#best()
      if (feed === undefined) break
      const size = packedBytes(feed.head!)
      if (group.length > 0 && bytes + size > packBytesTarget) break
      // What builds on metadata waits for the packs below its barrier, so it can't be in one with it.
      if (group.length > 0 && feed.head!.chunk.kind !== group.at(-1)!.part.chunk.kind) break
      // Division: where a group ends a pack may end, too.
      if (bytes >= groupPackBytesMin && feed.head!.chunk.group !== group.at(-1)!.part.chunk.group) break
      const part = feed.shift()
      group.push({ source: feed.index, part })
      this.#plan.sent(feed.index, part.chunk, part.bytes.byteLength)
      bytes += size
    }
    this.isHolding = group.length > 0
    return group
  }

  /** References cost next to nothing, so they go as soon as all metadata of their source has: with its first data, or when it has nothing else. */
  #refer(entries: readonly Entry[]): Reference[] {
    const references: Reference[] = []
    let bytesLeft = packReferenceBytesMax
    for (const { index, dry } of this.#feeds) {
      if (!this.#plan.hasReferences(index) || bytesLeft <= 0) continue
      if (!dry && !entries.some(({ source, part }) => source === index && part.chunk.kind === 'data')) continue
      const taken = this.#plan.takeReferences(index, packReferencesMax - references.length, bytesLeft)
      for (const reference of taken) bytesLeft -= referenceBytes(reference)
      references.push(...taken)
    }
    return references
  }

  #best(): Feed | undefined {
    let best: Feed | undefined
    for (const feed of this.#feeds) {
      if (feed.head === undefined) continue
      if (best === undefined || this.#plan.compare(feed.index, feed.head.chunk, best.index, best.head!.chunk) < 0) best = feed
    }
    return best
  }
}
