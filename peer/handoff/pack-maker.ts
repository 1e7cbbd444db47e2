// Makes packs of what was gathered, before they are sealed: their numbers, barriers, and what their heads say beside their fragments.

import { encodePack, type EncodePackInput, type Verdict } from '../../src/chunk/pack.ts'
import type { Reference } from '../../src/chunk/reference.ts'
import type { Plan } from '../../src/plan/plan.ts'
import type { Dispatcher } from '../../src/transfer/dispatcher.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { directoryIn } from './directory.ts'
import type { Entry, Ledger } from './ledger.ts'
import type { Standing } from './standing.ts'

/** What goes into one pack. */
export interface Gathered {
  readonly entries: readonly Entry[]
  readonly references: readonly Reference[]
  /** It was demanded. */
  readonly isUrgent?: boolean
}

export interface MadePlain {
  readonly number: number
  readonly entries: readonly Entry[]
  readonly pieces: Uint8Array[]
}

export interface PackMakerOptions {
  readonly plan: Plan
  readonly ledger: Ledger
  readonly dispatcher: Dispatcher
  readonly ahead: Standing | undefined
}

export class PackMaker {
  readonly #options: PackMakerOptions
  readonly #referred = new Map<number, readonly Reference[]>()
  readonly #announced = new Map<number, string>()
  readonly #introduced = new Set<number>()
  /** Numbers that nobody holds any more and that won't come. */
  readonly #superseded = new PackSet()
  /** The next pack says so. */
  #hasNews = false
  /** On what went ahead of the notice. */
  #verdict: Verdict | undefined
  #barrier: number

  constructor(options: PackMakerOptions) {
    this.#options = options
    this.#barrier = options.ahead?.first ?? 0
  }

  make({ entries, references }: Gathered, isLast: boolean, receipt?: EncodePackInput['receipt']): MadePlain {
    const { plan, ledger, dispatcher, ahead } = this.#options
    const number = ledger.append(entries)
    if (references.length > 0) this.#referred.set(number, references)
    const sources = news(plan, this.#announced)
    const fragments = entries.map(fragmentOf)
    const directory = directoryIn(number, isLast, ledger, dispatcher)
    const verdict = this.#verdictFor(ahead?.takeVerdict(), receipt !== undefined)
    // A catalog says what is restored of the packs before it, so it doesn't wait for them.
    const barrier = isLast && receipt === undefined ? 0 : this.#barrier
    // What went before the notice waits for its verdict; nothing that goes after it waits for that.
    const barrierFrom = ahead?.isNotice === true ? ahead.first : 0
    const heads = { barrier, barrierFrom, verdict, directory, sources, superseded: this.#toTell(receipt !== undefined), references }
    this.#hasNews = false
    // What follows builds on metadata, and on knowing which source is which.
    const introduces = sources.some(({ source }) => !this.#introduced.has(source))
    for (const { source } of sources) this.#introduced.add(source)
    if (introduces || entries.some(({ part }) => part.chunk.kind === 'metadata')) this.#barrier = number + 1
    return { number, entries, pieces: encodePack({ ...heads, fragments, ...(receipt && { receipt }) }) }
  }

  /** These numbers won't come any more; the next pack says so, and the last one again. */
  supersede(numbers: Iterable<number>): void {
    for (const number of numbers) {
      this.#superseded.add(number)
      this.#options.plan.giveReferencesBack(this.#referred.get(number) ?? [])
      this.#referred.delete(number)
    }
    this.#hasNews = true
    this.#announced.clear()
    this.#introduced.clear()
  }

  /** Once, and like what won't come once more with every loss and with the receipt. */
  #verdictFor(fresh: Verdict | undefined, isReceipt: boolean): Verdict | undefined {
    this.#verdict = fresh ?? this.#verdict
    return fresh ?? (this.#hasNews || isReceipt ? this.#verdict : undefined)
  }

  /** All of them each time, and with the receipt in any case: what said so before may have been lost with an heir. */
  #toTell(isReceipt: boolean): PackSet {
    return this.#hasNews || isReceipt ? this.#superseded : new PackSet()
  }
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
