// The stages from read chunks to sealed packs, as async iterables composed with it-pipe: gather, pack, compress and seal.
// Reading is the feeds'. A pack is made only when somebody asks for one, of the best parts that are ready then.

import { pipe } from 'it-pipe'
import type { ChunkPart } from '../../src/chunk/chunk.ts'
import { groupPackBytesMin } from '../../src/limits/handoff.ts'
import { referenceBytes, type Reference } from '../../src/chunk/reference.ts'
import { packBytesTarget, packFragmentsMax, packReferenceBytesMax, packReferencesMax } from '../../src/limits/wire.ts'
import type { Plan } from '../../src/plan/plan.ts'
import type { PackSealer } from '../../src/seal/pack-seal.ts'
import type { Dispatcher } from '../../src/transfer/dispatcher.ts'
import { freeMemory } from '../../src/wire/free-memory.ts'
import type { SealedPack } from '../../src/wire/sealed-pack.ts'
import type { Allowance } from './allowance.ts'
import { PackMaker, type Gathered, type MadePlain } from './pack-maker.ts'
import type { Feed } from './feed.ts'
import type { Entry, Ledger } from './ledger.ts'
import type { Standing } from './standing.ts'
import type { MovedPacks, PackCompressor } from './pack-compressor.ts'

/** The numbers and the version in a fragment's head. */
const fragmentHeadBytes = 160

export interface Pipeline {
  /** Makes the next sealed pack and gives it to `take`; isHolding until then. Waits while nothing is ready; takes nothing once the signal has ended it. */
  next(take: (made: MadePack) => void): Promise<void>
  /** Parts of a chunk that was demanded: the next packs are of these. */
  hurry(entries: readonly Entry[]): void
  /** Something that was demanded waits to be packed. */
  readonly isUrgent: boolean
  /** What waits so. */
  readonly urgentBytes: number
  /** Parts were taken from the feeds that nobody has taken as a pack yet. */
  readonly isHolding: boolean
  /** Something became ready. */
  wake(): void
  /** So much has arrived of what came out of it, and so many packs are still to. */
  moved(packs: MovedPacks): void
  /** These numbers won't come any more; the next pack says so. */
  supersede(numbers: readonly number[]): void
  /** Seals the last pack: the receipt; of a round ahead of the notice nothing but its catalog. */
  sealLast(receipt?: { content: Uint8Array; signature: Uint8Array }): SealedPack
}

export interface MadePack {
  readonly pack: SealedPack
  /** It has what was demanded. */
  readonly isUrgent: boolean
}

export interface PipelineOptions {
  readonly plan: Plan
  readonly feeds: readonly Feed[]
  readonly ledger: Ledger
  readonly sealer: PackSealer
  readonly dispatcher: Dispatcher
  /** Of a handoff that was begun ahead of the notice. */
  readonly ahead: Standing | undefined
  /** Undefined: packs go as they are. */
  readonly compressor: PackCompressor | undefined
  readonly allowance: Pick<Allowance, 'isUsedUp' | 'take' | 'made'>
  readonly signal: AbortSignal
}

export function createPipeline(options: PipelineOptions): Pipeline {
  const { plan, ledger, sealer, dispatcher, ahead, compressor, allowance } = options
  const gatherer = new Gatherer(options)
  const maker = new PackMaker({ plan, ledger, dispatcher, ahead })
  const stages = pipe(
    gatherer.groups(),
    async function* pack(groups: AsyncIterable<Gathered>) {
      for await (const group of groups) yield { ...maker.make(group, false), isUrgent: group.isUrgent === true }
    },
    async function* seal(plain: AsyncIterable<MadePlain & { isUrgent: boolean }>) {
      for await (const { number, entries, pieces, isUrgent } of plain) {
        const takenBytes = bytesOf(entries)
        const pack = sealer.seal(number, pieces, await compressor?.shrink(entries[0]?.source ?? 0, pieces))
        allowance.made(takenBytes, pack.bytes)
        freeMemory(entries.flatMap(({ part }) => (part.isGiven === true ? [part.bytes] : [])))
        yield { pack, isUrgent }
      }
    },
  )
  const packs = stages[Symbol.asyncIterator]()
  return {
    async next(take) {
      try {
        const { value, done } = await packs.next()
        if (done !== true) take(value)
      } finally {
        gatherer.isHolding = false
      }
    },
    get isHolding() {
      return gatherer.isHolding
    },
    wake: () => gatherer.wake(),
    hurry: (entries) => gatherer.hurry(entries),
    get isUrgent() {
      return gatherer.isUrgent
    },
    get urgentBytes() {
      return gatherer.urgentBytes
    },
    moved: (packs) => compressor?.moved(packs),
    supersede: (numbers) => maker.supersede(numbers),
    sealLast(receipt) {
      gatherer.end()
      const { number, pieces } = maker.make({ entries: [], references: [] }, true, receipt)
      return sealer.seal(number, pieces)
    },
  }
}

function bytesOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, { part }) => sum + part.bytes.byteLength, 0)
}

/** What a part takes up in a pack, at most: its body, and its head with id, version and attributes. */
function packedBytes({ chunk, bytes, attributes }: ChunkPart): number {
  return bytes.byteLength + 3 * chunk.id.length + (attributes?.byteLength ?? 0) + fragmentHeadBytes
}

/** Takes the best ready parts of all feeds, a pack's worth at a time; never waits for a fuller pack while it has something. */
class Gatherer {
  readonly #plan: Plan
  readonly #feeds: readonly Feed[]
  readonly #allowance: PipelineOptions['allowance']
  readonly #signal: AbortSignal
  readonly #urgent: Entry[] = []
  urgentBytes = 0
  #wake: (() => void) | undefined
  #isOver = false
  isHolding = false

  constructor({ plan, feeds, allowance, signal }: Pick<PipelineOptions, 'plan' | 'feeds' | 'allowance' | 'signal'>) {
    this.#allowance = allowance
    this.#plan = plan
    this.#feeds = feeds
    this.#signal = signal
    signal.addEventListener('abort', () => this.wake(), { once: true })
  }

  wake(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  hurry(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#urgent.push(entry)
      this.urgentBytes += entry.part.bytes.byteLength
    }
    this.wake()
  }

  get isUrgent(): boolean {
    return this.#urgent.length > 0 && !this.#isOver
  }

  /** Nothing is taken any more: the receipt has the highest number. */
  end(): void {
    this.#isOver = true
    this.wake()
  }

  async *groups(): AsyncGenerator<Gathered> {
    while (!this.#signal.aborted && !this.#isOver) {
      const group = this.#next()
      if (group !== undefined) {
        this.#allowance.take(bytesOf(group.entries))
        yield group
      } else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  #next(): Gathered | undefined {
    // Since it was asked for another handoff may have taken the rest of what both share.
    if (this.#allowance.isUsedUp) return undefined
    if (this.isUrgent) return { entries: this.#gatherUrgent(), references: [], isUrgent: true }
    const entries = this.#gather()
    const references = this.#refer(entries)
    this.isHolding ||= references.length > 0
    return this.isHolding ? { entries, references } : undefined
  }

  /** As little as can be, so that it goes soon: what is there, up to a pack. */
  #gatherUrgent(): Entry[] {
    const group: Entry[] = []
    let bytes = 0
    this.isHolding = true
    for (let next = this.#urgent[0]; next !== undefined; next = this.#urgent[0]) {
      const size = packedBytes(next.part)
      if (group.length > 0 && (bytes + size > packBytesTarget || next.part.chunk.kind !== group[0]!.part.chunk.kind)) break
      group.push(this.#urgent.shift()!)
      this.urgentBytes -= next.part.bytes.byteLength
      this.#plan.sent(next.source, next.part.chunk, next.part.bytes.byteLength)
      bytes += size
    }
    return group
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
