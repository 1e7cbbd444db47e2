// Opens packs and restores them, whichever lane they came by: what waits for its barrier is held, what is restored is journaled, and
// only then settled (acknowledged). The same pack may come twice.
//
// Invariant: metadata that a pack builds on is restored before it, unless it is known not to come.

import { asHeirloomError, HeirloomError } from '../../src/errors.ts'
import { decodePack, type DecodedPack, type SourceSummary, type Verdict } from '../../src/chunk/pack.ts'
import type { ArrivedPack } from '../../src/lane/receiving-lane.ts'
import { heldBytesMax, heldMsMax, restoresMax } from '../../src/limits/handoff.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import type { Sink } from '../source/source.ts'
import {
  fromBase64,
  groupBySource,
  incomingFragment,
  journalEntry,
  journalFragment,
  recalledFragment,
  recalledVerdict,
} from './fragment-forms.ts'
import { type Learned, goesBefore, isGivable, type RestoredPack, type Waiting } from './waiting-pack.ts'
import { Judgement } from './judgement.ts'
import { Refusals } from './refusals.ts'
import type { RestorerOptions } from './restorer-options.ts'
import { nothingPlaced, RestoredChunks } from './restored-chunks.ts'
import type { JournalEntry, JournalFragment } from './journal-lines.ts'

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
  readonly restored = new RestoredChunks()
  readonly refusals = new Refusals()
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
  #cancelPutAway: (() => void) | undefined

  readonly judgement: Judgement

  constructor(options: RestorerOptions) {
    this.#options = options
    this.judgement = new Judgement(options.since ?? 0)
  }

  /** Nothing is being restored or waits in memory. */
  get idle(): boolean {
    return this.#running === 0 && this.#waiting.size === 0 && this.#onDisk.size === 0
  }

  get isRestoring(): boolean {
    return this.#running > 0
  }

  /** Whether a pack has been restored, or is known not to come. */
  isPassed(number: number): boolean {
    return this.#passed.has(number)
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
      this.#pass(entry.pack)
      if (entry.verdict !== undefined) this.#hear(recalledVerdict(entry.verdict))
      if (entry.references !== undefined) this.#options.onReferences(entry.references)
    }
    this.restored.recall(entries)
    for (const [source, fragments] of groupBySource(entries.flatMap((entry) => entry.unfinished ?? []))) {
      await this.sinkOf(source)?.recall(fragments.map(recalledFragment), { signal: this.#options.signal })
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
    this.#options.onArrived?.(pack)
    const isUrgent = this.#options.isDemanded?.(pack) === true
    const mayPass = this.#mayPass(number, pack)
    if (!mayPass && this.#waitingBytes + bytes > heldBytesMax) {
      this.#holdOnDisk(number, pieces)
      if (pack.receipt === undefined) free()
      settle()
    } else {
      // A copy: the pack's memory is given back.
      const sealed = mayPass ? undefined : pieces.map((piece) => new Uint8Array(piece))
      this.#waiting.set(number, { number, pack, bytes, sealed, wasHeld: false, isUrgent, free, settles: [settle] })
      this.#waitingBytes += bytes
      if (!mayPass) this.#cancelPutAway ??= this.#options.clock.after(heldMsMax, () => this.#putAway())
    }
    this.#advance()
  }

  /** Nothing that is missing will come any more: barriers are open. */
  open(): void {
    this.#open = true
    // A verdict may wait on disk, where an earlier process has put it.
    for (const number of this.#onDisk) if (this.judgement.isOpen(0) && number >= this.judgement.since) this.#readHeld(number)
    this.judgement.settle()
    this.#dropOutdated()
    this.#advance()
  }

  /** There is somebody else to ask: what is missing may come after all. */
  close(): void {
    this.#open = false
    this.judgement.unsettle()
  }

  /** Begins nothing more; resolves when what is being restored has ended. Sinks and journal may be closed then. */
  async stop(): Promise<void> {
    this.#isOver = true
    this.#cancelPutAway?.()
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve))
  }

  /** What has waited in memory waits on disk from now on. */
  #putAway(): void {
    this.#cancelPutAway = undefined
    if (this.#isOver) return
    for (const { number, pack, bytes, sealed, free, settles } of this.#waiting.values()) {
      if (sealed === undefined || this.#started.has(number)) continue
      try {
        this.#holdOnDisk(number, sealed)
      } catch {
        return
      }
      this.#waiting.delete(number)
      this.#waitingBytes -= bytes
      if (pack.receipt === undefined) free()
      for (const settle of settles) settle()
    }
    this.#advance()
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
  #learn(number: number, { sources, superseded, receipt, verdict }: Learned): void {
    for (const summary of sources) {
      if (number < (this.#promisedIn.get(summary.source) ?? 0)) continue
      this.sources.set(summary.source, summary)
      this.#promisedIn.set(summary.source, number)
    }
    this.#supersede(superseded)
    // At once, whatever the pack itself waits for: what it finds out of date may be about to be restored.
    if (verdict !== undefined) this.#hear(verdict)
    if (receipt !== undefined) {
      this.receipt = receipt
      this.packs = number + 1
    }
  }

  /** Their chunks come again in other packs. */
  #supersede(superseded: PackSet): void {
    for (const number of superseded) {
      this.superseded.add(number)
      this.#passed.add(number)
    }
  }

  /** Starts what can start, lowest number first. */
  #advance(): void {
    while (!this.#isOver) {
      const isFull = this.#running >= restoresMax
      const next = isFull ? this.#nextUrgent() : this.#nextReady()
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
      if (this.#started.has(waiting.number) || !this.#mayPass(waiting.number, waiting.pack)) continue
      if (best === undefined || goesBefore(waiting, best)) best = waiting
    }
    // What is in memory may wait for what is on disk: then that is taken however much there is.
    if (best === undefined && (this.#waitingBytes <= heldBytesMax / 2 || this.#running === 0)) best = this.#fromDisk()
    if (best !== undefined) this.#started.add(best.number)
    return best
  }

  /** What somebody waits for goes beside the usual ones, not after them. */
  #nextUrgent(): Waiting | undefined {
    if (this.#running >= 2 * restoresMax) return undefined
    for (const waiting of this.#waiting.values()) {
      if (!waiting.isUrgent || this.#started.has(waiting.number) || !this.#mayPass(waiting.number, waiting.pack)) continue
      this.#started.add(waiting.number)
      return waiting
    }
    return undefined
  }

  #mayPass(number: number, { barrier, barrierFrom }: DecodedPack): boolean {
    if (this.judgement.isOpen(number)) return false
    return this.#hasPassed(barrierFrom, barrier) || (this.#open && !this.#isHereBelow(barrierFrom, barrier))
  }

  #hasPassed(from: number, end: number): boolean {
    if (this.#passed.hasAllBelow(end)) return true
    if (from === 0) return false
    for (let number = from; number < end; number++) if (!this.#passed.has(number)) return false
    return true
  }

  #hear(verdict: Verdict): void {
    if (this.judgement.hear(verdict)) this.#dropOutdated()
  }

  /** What is out of date isn't sent any more, nor waited for. What is here already is passed over in its turn. */
  #dropOutdated(): void {
    for (const number of this.judgement.dropped()) {
      if (this.have.has(number) || this.#waiting.has(number)) continue
      this.have.add(number)
      this.superseded.add(number)
      this.#passed.add(number)
    }
  }

  /** Once barriers are open, what is missing is passed over; what is here still goes first. */
  #isHereBelow(from: number, barrier: number): boolean {
    for (const number of this.#waiting.keys()) if (number >= from && number < barrier) return true
    for (const number of this.#onDisk) if (number >= from) return number < barrier
    return false
  }

  #fromDisk(): Waiting | undefined {
    const number = [...this.#onDisk].find((each) => !this.judgement.isOpen(each))
    if (number === undefined) return undefined
    const held = this.#readHeld(number)
    if (held === undefined || !this.#mayPass(number, held.pack)) return undefined
    this.#onDisk.delete(number)
    const waiting = { number, ...held, bytes: 0, wasHeld: true, isUrgent: false, settles: [] }
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

  async #restore({ number, pack, bytes, wasHeld, isUrgent, free, settles }: Waiting): Promise<void> {
    try {
      if (!this.#hasBegun) this.#options.onFirst()
      this.#hasBegun = true
      const { entry, settled } = await this.#restoreFragments(number, pack, isUrgent)
      this.#options.journal.append(entry)
      if (wasHeld) this.#options.journal.releaseHeld(number)
      this.#pass(number)
      this.#waiting.delete(number)
      this.#started.delete(number)
      this.#waitingBytes -= bytes
      if (this.#isReadByNobody(pack)) free()
      for (const settle of settles) settle()
      this.#options.onRestored({ number, chunks: entry.chunks, bytes: entry.bytes, settled })
      if (pack.references.length > 0 && number >= this.judgement.since) this.#options.onReferences(pack.references)
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  async #restoreFragments(
    number: number,
    pack: DecodedPack,
    isUrgent: boolean,
  ): Promise<{ entry: JournalEntry; settled: RestoredPack['settled'] }> {
    const { signal } = this.#options
    const placed = nothingPlaced()
    const unfinished: JournalFragment[] = []
    const settled: RestoredPack['settled'][number][] = []
    const bySource = [...groupBySource(this.#current(number, pack))]
    const mayGive = bySource.length === 1 && isGivable(pack)
    await Promise.all(
      bySource.map(async ([source, fragments]) => {
        const sink = this.sinkOf(source)
        if (sink === undefined) return
        const isGiven = mayGive && sink.takesMemory === true
        // Afterwards nothing of it can be read here.
        const noted = isGiven ? fragments.map(journalFragment) : undefined
        const outcome = await sink.restore(fragments.map(incomingFragment), { signal, isUrgent, isGiven })
        unfinished.push(...outcome.unfinished.map((index) => noted?.[index] ?? journalFragment(fragments[index]!)))
        this.refusals.add(sink.name, outcome.refused)
        const settledHere = { source: sink.name, ...this.restored.settle(fragments, outcome, placed) }
        settled.push(settledHere)
        this.#options.onPlaced?.(settledHere)
      }),
    )
    return { entry: journalEntry(number, pack, placed, unfinished), settled }
  }

  /** What of a pack is restored. One that was given up and comes late may hold what is older than what came in its place. */
  #current(number: number, pack: DecodedPack): readonly DecodedPack['fragments'][number][] {
    const holding = this.judgement.holding(number, pack.fragments)
    if (!this.superseded.has(number)) return holding
    // Parts of a chunk without a version would be put together with those of another state.
    return holding.filter(
      ({ source, id, version }) => !(version === '' ? this.restored.hasSome(source, id) : this.restored.has(source, id)),
    )
  }

  /** The receipt is a view, too, and is kept; and a sink may hold on to what it was given. */
  #isReadByNobody({ receipt, fragments }: DecodedPack): boolean {
    const isUnread = (sink: Sink | undefined) => sink === undefined || sink.returnsMemory === true
    return receipt === undefined && fragments.every(({ source }) => isUnread(this.sinkOf(source)))
  }

  #pass(number: number): void {
    this.have.add(number)
    this.#passed.add(number)
  }

  /** Undefined for a source that nobody has told of, or that there is no sink for. */
  sinkOf(source: number): Sink | undefined {
    const summary = this.sources.get(source)
    return summary === undefined ? undefined : this.#options.sinkOf(summary)
  }

  #fail(thrown: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#options.onFailed(asHeirloomError(thrown, 'io'))
  }
}
