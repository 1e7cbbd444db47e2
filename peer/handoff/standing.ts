// A handoff that is begun ahead of any notice: in rounds, what has changed since the round before goes to the relay's store, and a catalog says
// which of all that was sent still holds. At the notice the same handoff goes on with what has changed by then (PROTOCOL.md, "Ahead of the notice").
//
// Invariant: a chunk counts as sent ahead only when all of it is acknowledged and its stamp is what it was; stamps stay in this process.

import { createHash } from 'node:crypto'
import type { Verdict } from '../../src/chunk/pack.ts'
import type { Chunk, ChunkPart } from '../../src/chunk/chunk.ts'
import type { Clock } from '../../src/clock.ts'
import { partialPacksMax, preshippedChunksMax, verdictRunsMax } from '../../src/limits/preship.ts'
import { packBytesTarget } from '../../src/limits/wire.ts'
import { expectedBytes } from '../../src/plan/chunk-table.ts'
import type { SentAhead } from '../../src/plan/plan.ts'
import type { NewHandoff } from '../../src/seal/handoff-header.ts'
import { PackSealer } from '../../src/seal/pack-seal.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import type { Entry, Ledger } from './ledger.ts'

/** One chunk in one of its states, on its way or there. */
interface Shipped {
  readonly stamp: string
  /** Where it has no version: what its content must have, since what is read may be another state than what was listed. */
  readonly digest: string | undefined
  readonly isMetadata: boolean
  chunkBytes: number
  arrivedBytes: number
  /** At the notice all of it was at the store: what arrives later goes once more, and counts once. */
  isKept: boolean
  parts: number
  /** The round that sends it, and the one that has listed it last as it is. */
  readonly born: number
  seen: number
  /** The packs that have its parts lie between these. */
  first: number
  last: number
}

export class Standing implements SentAhead {
  readonly handoff: NewHandoff
  readonly sealer: PackSealer
  readonly #clock: Clock
  readonly #shipped = new Map<string, Shipped>()
  /** By number: what each fragment is of; undefined for one that isn't remembered. */
  readonly #packs: (readonly (Shipped | undefined)[])[] = []
  #bytes: number[] = []
  #round = 0
  /** The notice has come: what goes now is the last of it. */
  isNotice = false
  /** The relay gave it to an heir while this peer counted as gone. */
  isFenced = false
  /** Where it stands. */
  relay: string | undefined
  /** The relay that is used now is another one. */
  isElsewhere = false
  /** The number at which the present round, or the handoff after the notice, begins. */
  first = 0
  /** The catalog that holds: packs below it are judged by it. */
  since = 0
  #asOfMs: number
  #verdict: Verdict | undefined
  #ledger: Ledger | undefined

  constructor(handoff: NewHandoff, pool: Uint8Array, clock: Clock) {
    this.handoff = handoff
    this.sealer = new PackSealer({ key: handoff.key, pool, handoff: handoff.handoff })
    this.#clock = clock
    this.#asOfMs = clock.monotonicMs()
  }

  /** Nothing of it can go on: what there is goes anew. */
  get isLost(): boolean {
    return this.isFenced || this.isElsewhere
  }

  /** At least one round has come to its end. */
  get isComplete(): boolean {
    return this.since > 0
  }

  /** How old the state is that is complete. */
  get ageMs(): number {
    return Math.max(0, this.#clock.monotonicMs() - this.#asOfMs)
  }

  /** The share of what was sent that still holds. */
  get holdingShare(): number {
    const all = this.#bytes.reduce((sum, bytes) => sum + bytes, 0)
    let holding = 0
    for (const shipped of this.#shipped.values()) if (this.#holds(shipped)) holding += shipped.chunkBytes
    return all === 0 ? 1 : holding / all
  }

  /** A round begins, or the handoff after the notice. Answers when it began, for `complete`. */
  begin(isNotice: boolean): number {
    this.#round++
    this.isNotice = isNotice
    if (isNotice) for (const shipped of this.#shipped.values()) shipped.isKept = isThere(shipped)
    this.first = this.#packs.length
    this.#verdict = undefined
    return this.#clock.monotonicMs()
  }

  /** What counts as delivered already goes there. */
  countIn(ledger: Ledger): void {
    this.#ledger = ledger
  }

  judge(index: number, kind: string, chunk: Chunk): 'kept' | 'skip' | 'goes' {
    const isMetadata = chunk.kind === 'metadata'
    // Data builds on metadata, and is restored after it: at the notice all of it goes, before all else.
    if (this.isNotice && isMetadata) return 'goes'
    const stamp = stampOf(kind, chunk)
    if (stamp === undefined) return this.isNotice ? 'goes' : 'skip'
    const key = keyOf(index, chunk.id)
    const known = this.#shipped.get(key)
    // The source is asked again while its chunks are on their way.
    if (!this.isNotice && known?.stamp === stamp && known.born === this.#round) return 'goes'
    const isExpired = chunk.expiresAtMs !== undefined && chunk.expiresAtMs <= this.#clock.nowMs()
    if (known?.stamp === stamp && (this.isNotice ? known.isKept : isThere(known)) && !isExpired) {
      if (known.seen === this.#round) return 'kept'
      known.seen = this.#round
      this.#ledger?.kept(index, chunk, expectedBytes(chunk))
      return 'kept'
    }
    if (this.isNotice) return 'goes'
    if (known === undefined && this.#shipped.size >= preshippedChunksMax) return 'skip'
    const digest = chunk.stamp === undefined && chunk.version === undefined ? chunk.digest : undefined
    // In parts it can't be compared.
    if (digest !== undefined && expectedBytes(chunk) > packBytesTarget) return 'skip'
    const fresh = {
      stamp,
      digest,
      isMetadata,
      chunkBytes: 0,
      arrivedBytes: 0,
      isKept: false,
      parts: 0,
      born: this.#round,
      seen: this.#round,
      first: -1,
      last: -1,
    }
    this.#shipped.set(key, fresh)
    return 'goes'
  }

  /** A pack was made. */
  packed(number: number, entries: readonly Entry[]): void {
    let packBytes = 0
    this.#packs[number] = entries.map(({ source, part }) => {
      packBytes += part.bytes.byteLength
      const shipped = this.isNotice ? undefined : this.#shipped.get(keyOf(source, part.chunk.id))
      if (shipped === undefined || !isOf(shipped, part)) return undefined
      if (shipped.first < 0) shipped.first = number
      shipped.last = number
      shipped.chunkBytes = part.chunkBytes
      return shipped
    })
    this.#bytes[number] = packBytes
    this.#lengths.set(
      number,
      entries.map(({ part }) => part.bytes.byteLength),
    )
  }

  /** Of packs on their way: the lengths of their parts. */
  readonly #lengths = new Map<number, readonly number[]>()

  /** A pack is safe at the store. */
  arrived(number: number): void {
    const lengths = this.#lengths.get(number)
    if (lengths === undefined) return
    this.#lengths.delete(number)
    for (const [index, shipped] of this.#packs[number]!.entries()) {
      if (shipped === undefined) continue
      shipped.arrivedBytes += lengths[index]!
      shipped.parts++
    }
  }

  /** The packs that have a chunk which counts as there. */
  packsOf(index: number, id: string): number[] {
    const shipped = this.#shipped.get(keyOf(index, id))
    if (shipped === undefined || !this.#holds(shipped)) return []
    const packs: number[] = []
    for (let number = shipped.first; number <= shipped.last; number++)
      if (this.#packs[number]?.includes(shipped) === true) packs.push(number)
    return packs
  }

  /** All sources have said what there is: from now on it is known what still holds. */
  decide(since = this.first): void {
    const whole = new PackSet()
    const partial = new Map<number, PackSet>()
    for (let number = 0; number < since; number++) {
      const fragments = this.#packs[number] ?? []
      const holding = fragments.flatMap((shipped, at) => (shipped !== undefined && this.#holds(shipped) ? [at] : []))
      if (holding.length === 0) continue
      if (holding.length === fragments.length) whole.add(number)
      else partial.set(number, PackSet.of(holding))
    }
    this.#verdict = { since, whole, partial }
  }

  /** What the next pack says, once. */
  takeVerdict(): Verdict | undefined {
    const verdict = this.#verdict
    this.#verdict = undefined
    return verdict
  }

  /** The catalog in this pack is safe: it holds from now on, for a state that was listed at `begunMs`. */
  complete(catalog: number, begunMs: number): void {
    this.since = catalog
    this.#asOfMs = begunMs
    // What is gone, or was another, nobody looks for any more.
    for (const [key, shipped] of this.#shipped) if (!this.#holds(shipped)) this.#shipped.delete(key)
  }

  /** Whether a verdict still fits into a pack; where not, or where most of what was sent is out of date, it is begun anew. */
  get isWorn(): boolean {
    let [packs, runs] = [0, 0]
    for (const fragments of this.#packs) {
      const holding = fragments.filter((shipped) => shipped !== undefined && this.#holds(shipped)).length
      if (holding === 0 || holding === fragments.length) continue
      packs++
      runs += 2 * Math.min(holding, fragments.length - holding) + 1
    }
    return packs > partialPacksMax || runs > verdictRunsMax || this.holdingShare < 0.5
  }

  #holds(shipped: Shipped): boolean {
    return shipped.seen === this.#round && isThere(shipped) && !(this.isNotice && shipped.isMetadata)
  }
}

function isThere({ parts, arrivedBytes, chunkBytes }: Shipped): boolean {
  return parts > 0 && arrivedBytes >= chunkBytes
}

/** What tells that a chunk is unchanged: what its source knows, or what its application or program says of it. */
function stampOf(kind: string, { stamp, version, digest }: Chunk): string | undefined {
  if (stamp !== undefined || (kind !== 'app' && kind !== 'command')) return stamp
  return version ?? (digest && `sha256 ${digest}`)
}

/** Whether this part is of the state that was listed, as far as that can be told. */
function isOf({ digest }: Shipped, { bytes, chunkBytes }: ChunkPart): boolean {
  return digest === undefined || (bytes.byteLength === chunkBytes && createHash('sha256').update(bytes).digest('hex') === digest)
}

function keyOf(index: number, id: string): string {
  return `${index} ${id}`
}
