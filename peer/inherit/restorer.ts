// Opens packs and restores them, whichever lane they came by: what waits for its barrier is held, what is restored is journaled, and
// only then settled (acknowledged). The same pack may come twice.
//
// Invariant: metadata that a pack builds on is restored before it, unless it is known not to come.

import { asHeirloomError, HeirloomError } from '../../src/errors.ts'
import type { Reference } from '../../src/chunk/reference.ts'
import { decodePack, type DecodedPack, type SourceSummary } from '../../src/chunk/pack.ts'
import type { ArrivedPack } from '../../src/lane/receiving-lane.ts'
import { heldBytesMax, restoresMax } from '../../src/limits/handoff.ts'
import type { PackOpener } from '../../src/seal/pack-seal.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import type { IncomingFragment, Refused, RestoreOutcome, Sink } from '../source/source.ts'
import type { Journal } from './journal.ts'
import type { JournalEntry, JournalFragment } from './journal-lines.ts'
import { RestoredTally } from './restored-tally.ts'

export interface RestorerOptions {
  readonly opener: PackOpener
  readonly journal: Journal
  /** The sink for a source, or undefined when this machine has none for it. */
  readonly sinkOf: (summary: SourceSummary) => Sink | undefined
  readonly signal: AbortSignal
  /** Called once, before anything is restored. Throwing ends the inheritance. */
  readonly onFirst: () => void
  readonly onRestored: (pack: { number: number; chunks: number; bytes: number }) => void
  /** A pack that is restored names chunks to be fetched elsewhere. */
  readonly onReferences: (references: readonly Reference[]) => void
  /** A restore has ended and what could start has started: the time to look whether it is over. */
  readonly onAdvanced: () => void
  /** A sink or the disk is gone: the inheritance can't go on. */
  readonly onFailed: (error: HeirloomError) => void
}

interface Waiting {
  readonly number: number
  readonly pack: DecodedPack
  readonly bytes: number
  /** It waited on disk. */
  readonly wasHeld: boolean
  /** Gives back the memory that the pack's fragments are views of. */
  readonly free: () => void
  readonly settles: (() => void)[]
}

/** What a pack, or the journal's line of one, says beside its fragments. */
type Learned = Pick<DecodedPack, 'superseded' | 'receipt'> & { readonly sources: readonly SourceSummary[] }

export class Restorer {
  readonly #options: RestorerOptions
  /** Restored, or held on disk: what a lane needn't send. */
  readonly have = new PackSet()
  readonly superseded = new PackSet()
  readonly sources = new Map<number, SourceSummary>()
  /** By source: the pack that said so. */
  readonly #promisedIn = new Map<number, number>()
  receipt: DecodedPack['receipt']
  /** How many packs there are in all, once the last one, the receipt, is known. */
  packs: number | undefined
  readonly restored = new RestoredTally()
  readonly refused: (Refused & { source: string })[] = []
  refusedTotal = 0
  /** Restored, or known not to come. */
  readonly #passed = new PackSet()
  readonly #waiting = new Map<number, Waiting>()
  readonly #onDisk = new PackSet()
  #waitingBytes = 0
  #running = 0
  #open = false
  /** Nothing is begun any more. */
  #isOver = false
  #whenIdle: (() => void) | undefined
  #hasBegun = false

  constructor(options: RestorerOptions) {
    this.#options = options
  }

  /** Nothing is being restored or waits in memory. */
  get idle(): boolean {
    return this.#running === 0 && this.#waiting.size === 0 && this.#onDisk.size === 0
  }

  /** Whether all packs below `end` are restored or won't come. */
  completeBelow(end: number): boolean {
    return this.#passed.hasAllBelow(end)
  }

  missingBelow(end: number): PackSet {
    const missing = new PackSet()
    for (let number = 0; number < end; number++) if (!this.have.has(number) && !this.superseded.has(number)) missing.add(number)
    return missing
  }

  /** After a restart: what the journal says, before any lane is opened. */
  async recall(entries: readonly JournalEntry[]): Promise<void> {
    for (const entry of entries) {
      this.#learn(entry.pack, {
        sources: entry.sources ?? [],
        superseded: PackSet.fromRuns(entry.superseded ?? []),
        receipt: entry.receipt && { content: fromBase64(entry.receipt.content), signature: fromBase64(entry.receipt.signature) },
      })
      this.#count(entry)
      if (entry.references !== undefined) this.#options.onReferences(entry.references)
    }
    for (const [source, fragments] of groupBySource(entries.flatMap((entry) => entry.unfinished ?? []))) {
      await this.#sink(source)?.recall(fragments.map(recalledFragment), { signal: this.#options.signal })
    }
    for (const number of this.#options.journal.held()) {
      if (this.have.has(number)) this.#options.journal.releaseHeld(number)
      else {
        this.have.add(number)
        this.#onDisk.add(number)
      }
    }
    this.#advance()
  }

  /** Takes a pack from a lane. Throws what makes the pack unacceptable; then nothing of it is used. */
  accept({ number, pieces, bytes, settle }: ArrivedPack): void {
    if (this.#isOver) return
    const waiting = this.#waiting.get(number)
    if (waiting !== undefined) return void waiting.settles.push(settle)
    if (this.have.has(number)) return settle()
    const { plain, free } = this.#options.opener.open(pieces)
    const pack = decodePack(plain)
    if (pack.barrier > number) throw new HeirloomError('malformed', `pack ${number} waits for packs that come after it`)
    this.#learn(number, pack)
    if (!this.#passed.hasAllBelow(pack.barrier) && this.#waitingBytes + bytes > heldBytesMax) {
      this.#holdOnDisk(number, pieces)
      if (pack.receipt === undefined) free()
      settle()
    } else {
      this.#waiting.set(number, { number, pack, bytes, wasHeld: false, free, settles: [settle] })
      this.#waitingBytes += bytes
    }
    this.#advance()
  }

  /** Nothing that is missing will come any more: barriers are open. */
  open(): void {
    this.#open = true
    this.#advance()
  }

  /** Begins nothing more; resolves when what is being restored has ended. Sinks and journal may be closed then. */
  async stop(): Promise<void> {
    this.#isOver = true
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve))
  }

  #holdOnDisk(number: number, pieces: readonly Uint8Array[]): void {
    try {
      this.#options.journal.hold(number, pieces)
    } catch (thrown) {
      this.#fail(thrown)
      throw thrown
    }
    this.have.add(number)
    this.#onDisk.add(number)
  }

  /** Packs come in any order: of what the sources promised, that of the highest number holds. */
  #learn(number: number, { sources, superseded, receipt }: Learned): void {
    for (const summary of sources) {
      if (number < (this.#promisedIn.get(summary.source) ?? 0)) continue
      this.sources.set(summary.source, summary)
      this.#promisedIn.set(summary.source, number)
    }
    this.#supersede(superseded)
    if (receipt !== undefined) {
      this.receipt = receipt
      this.packs = number + 1
    }
  }

  /** Their chunks come again in other packs, and are counted with those. */
  #supersede(superseded: PackSet): void {
    const counted = new PackSet()
    for (const number of superseded) {
      if (this.#passed.has(number) && !this.superseded.has(number)) counted.add(number)
      this.superseded.add(number)
      this.#passed.add(number)
    }
    if (counted.size > 0) for (const entry of this.#options.journal.entriesOf(counted)) this.restored.remove(entry)
  }

  /** Starts what can start, lowest number first. */
  #advance(): void {
    while (this.#running < restoresMax && !this.#isOver) {
      const next = this.#nextReady()
      if (next === undefined) return
      this.#running++
      void this.#restore(next).then(() => {
        this.#running--
        if (this.#running === 0) this.#whenIdle?.()
        this.#advance()
        this.#options.onAdvanced()
      })
    }
  }

  readonly #started = new Set<number>()

  #nextReady(): Waiting | undefined {
    let best: Waiting | undefined
    for (const waiting of this.#waiting.values()) {
      if (this.#started.has(waiting.number) || !this.#mayPass(waiting.pack.barrier)) continue
      if (best === undefined || waiting.number < best.number) best = waiting
    }
    // What is in memory may wait for what is on disk: then that is taken however much there is.
    if (best === undefined && (this.#waitingBytes <= heldBytesMax / 2 || this.#running === 0)) best = this.#fromDisk()
    if (best !== undefined) this.#started.add(best.number)
    return best
  }

  #mayPass(barrier: number): boolean {
    return this.#passed.hasAllBelow(barrier) || (this.#open && !this.#isHereBelow(barrier))
  }

  /** Once barriers are open, what is missing is passed over; what is here still goes first. */
  #isHereBelow(barrier: number): boolean {
    for (const number of this.#waiting.keys()) if (number < barrier) return true
    const [onDisk] = this.#onDisk
    return onDisk !== undefined && onDisk < barrier
  }

  #fromDisk(): Waiting | undefined {
    const [number] = this.#onDisk
    if (number === undefined) return undefined
    const held = this.#readHeld(number)
    if (held === undefined || !this.#mayPass(held.pack.barrier)) return undefined
    this.#onDisk.delete(number)
    const waiting = { number, ...held, bytes: 0, wasHeld: true, settles: [] }
    this.#waiting.set(number, waiting)
    return waiting
  }

  #readHeld(number: number): Pick<Waiting, 'pack' | 'free'> | undefined {
    try {
      const { plain, free } = this.#options.opener.open([this.#options.journal.readHeld(number)])
      const pack = decodePack(plain)
      this.#learn(number, pack)
      return { pack, free }
    } catch {
      // Torn by a crash: it was not acknowledged then, or will be demanded again.
      this.#onDisk.delete(number)
      this.have.delete(number)
      this.#options.journal.releaseHeld(number)
      return undefined
    }
  }

  async #restore({ number, pack, bytes, wasHeld, free, settles }: Waiting): Promise<void> {
    try {
      if (!this.#hasBegun) this.#options.onFirst()
      this.#hasBegun = true
      const entry = await this.#restoreFragments(number, pack)
      this.#options.journal.append(entry)
      if (wasHeld) this.#options.journal.releaseHeld(number)
      this.#count(entry)
      this.#waiting.delete(number)
      this.#started.delete(number)
      this.#waitingBytes -= bytes
      if (this.#isReadByNobody(pack)) free()
      for (const settle of settles) settle()
      this.#options.onRestored({ number, chunks: entry.chunks, bytes: entry.bytes })
      if (pack.references.length > 0) this.#options.onReferences(pack.references)
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  async #restoreFragments(number: number, pack: DecodedPack): Promise<JournalEntry> {
    const { signal } = this.#options
    let chunks = 0
    let bytes = 0
    const weights: Record<string, number> = {}
    const unfinished: JournalFragment[] = []
    const ended: (readonly [number, string, number])[] = []
    await Promise.all(
      [...groupBySource(pack.fragments)].map(async ([source, fragments]) => {
        const sink = this.#sink(source)
        if (sink === undefined) return
        const outcome = await sink.restore(fragments.map(incomingFragment), { signal })
        chunks += outcome.chunks
        bytes += outcome.bytes
        weights[source] = sum(fragments.map((each) => (each.offset + each.body.byteLength === each.chunkBytes ? each.readProbability : 0)))
        unfinished.push(...outcome.unfinished.map((index) => journalFragment(fragments[index]!)))
        ended.push(...endedOf(fragments, outcome))
        this.#refuse(sink.name, outcome.refused)
      }),
    )
    return {
      pack: number,
      chunks,
      bytes,
      weights,
      ...(unfinished.length > 0 && { unfinished }),
      ...(ended.length > 0 && { ended }),
      ...(pack.sources.length > 0 && { sources: pack.sources }),
      ...(pack.references.length > 0 && { references: pack.references }),
      ...(pack.superseded.size > 0 && { superseded: pack.superseded.toRuns() }),
      ...(pack.receipt && { receipt: { content: toBase64(pack.receipt.content), signature: toBase64(pack.receipt.signature) } }),
    }
  }

  /** The receipt is a view, too, and is kept; and a sink may hold on to what it was given. */
  #isReadByNobody({ receipt, fragments }: DecodedPack): boolean {
    const isUnread = (sink: Sink | undefined) => sink === undefined || sink.returnsMemory === true
    return receipt === undefined && fragments.every(({ source }) => isUnread(this.#sink(source)))
  }

  #refuse(source: string, refused: readonly Refused[]): void {
    this.refusedTotal += refused.length
    // The first ones explain the rest; a list of all could be as long as the state.
    for (const each of refused) if (this.refused.length < 100) this.refused.push({ source, ...each })
  }

  #count(entry: JournalEntry): void {
    this.have.add(entry.pack)
    this.#passed.add(entry.pack)
    if (!this.superseded.has(entry.pack)) this.restored.add(entry)
  }

  #sink(source: number): Sink | undefined {
    const summary = this.sources.get(source)
    return summary === undefined ? undefined : this.#options.sinkOf(summary)
  }

  #fail(thrown: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#options.onFailed(asHeirloomError(thrown, 'io'))
  }
}

/** Chunks in pieces that are whole now. */
function endedOf(fragments: DecodedPack['fragments'], { unfinished, refused }: RestoreOutcome): (readonly [number, string, number])[] {
  const isPiece = ({ body, chunkBytes }: (typeof fragments)[number]) => body.byteLength < chunkBytes
  const open = new Set([...unfinished.map((index) => fragments[index]!.id), ...refused.map(({ id }) => id)])
  const ended = fragments.filter((each) => isPiece(each) && !open.has(each.id))
  return [...new Map(ended.map(({ source, id, chunkBytes }) => [id, [source, id, chunkBytes] as const])).values()]
}

function incomingFragment(fragment: DecodedPack['fragments'][number]): IncomingFragment {
  const { id, metadata, offset, chunkBytes, version, expiresAtMs, attributes, body } = fragment
  return { id, kind: metadata ? 'metadata' : 'data', offset, chunkBytes, bytes: body, version, expiresAtMs, attributes }
}

function journalFragment(fragment: DecodedPack['fragments'][number]): JournalFragment {
  const { source, id, metadata, offset, chunkBytes, version, expiresAtMs } = fragment
  return {
    source,
    id,
    metadata,
    offset,
    length: fragment.body.byteLength,
    chunkBytes,
    version,
    expiresAtMs,
    attributes: toBase64(fragment.attributes),
  }
}

function recalledFragment({ id, metadata, offset, length, chunkBytes, version, expiresAtMs, attributes }: JournalFragment) {
  const kind = metadata ? ('metadata' as const) : ('data' as const)
  return { id, kind, offset, length, chunkBytes, version, expiresAtMs, attributes: fromBase64(attributes) }
}

function groupBySource<Item extends { readonly source: number }>(items: readonly Item[]): Map<number, Item[]> {
  return Map.groupBy(items, (item) => item.source)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'))
}
