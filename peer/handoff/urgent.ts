// What the heir demands ahead of its turn (PROTOCOL.md, "Demand"): chunks that are still here are read and packed next; of those that went to
// the store, the heir is told in which packs they are, and of those that nobody has, that they won't come.
//
// Invariant: a chunk is in the plan, in a feed, here, or in a pack: never in two of them, so that it goes once.

import { isLeftOut, type Chunk } from '../../src/chunk/chunk.ts'
import type { Clock } from '../../src/clock.ts'
import { asHeirloomError } from '../../src/errors.ts'
import type { SendingLane } from '../../src/lane/lane.ts'
import { demandedChunksMax, urgentBytesMax } from '../../src/limits/demand.ts'
import type { Plan } from '../../src/plan/plan.ts'
import type { ChunkAnswer, DemandedChunks } from '../../src/transfer/demand.ts'
import type { Dispatcher } from '../../src/transfer/dispatcher.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import type { Source } from '../source/source.ts'
import { Bell } from './bell.ts'
import type { Feed } from './feed.ts'
import type { Ledger } from './ledger.ts'
import type { Pipeline } from './pipeline.ts'

export interface UrgentOptions {
  readonly sources: readonly Source[]
  readonly plan: Plan
  readonly feeds: readonly Feed[]
  readonly ledger: Ledger
  readonly dispatcher: Dispatcher
  readonly pipeline: Pipeline
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Something is to be packed or sent. */
  readonly onChange: () => void
  /** Runs beside the handoff until it ends. */
  readonly spawn: (task: Promise<void>) => void
}

export class Urgent {
  readonly #options: UrgentOptions
  readonly #bell: Bell
  /** Demanded before the source's inventory had them, with who wants them. */
  #unlisted: { readonly source: number; readonly id: string; readonly lane: SendingLane }[] = []
  #reading = 0

  constructor(options: UrgentOptions) {
    this.#options = options
    this.#bell = new Bell(options.clock)
  }

  /** Nothing is being read for a demand. */
  get isIdle(): boolean {
    return this.#reading === 0
  }

  demanded(lane: SendingLane, chunks: readonly DemandedChunks[]): void {
    for (const { source, ids } of chunks) {
      if (this.#options.sources[source] === undefined) lane.answer(ids.map((id) => absent(source, id)))
      else this.#fetch(source, ids, lane)
    }
  }

  /** A source has listed more, or all: what was asked for too early may be known now. */
  listed(source: number): void {
    if (this.#unlisted.length === 0) return
    const again = this.#unlisted.filter((each) => each.source === source)
    this.#unlisted = this.#unlisted.filter((each) => each.source !== source)
    for (const [lane, wanted] of Map.groupBy(again, (each) => each.lane)) {
      this.#fetch(
        source,
        wanted.map(({ id }) => id),
        lane,
      )
    }
  }

  /** Packs have been acknowledged: there may be room again. */
  moved(): void {
    this.#bell.ring()
  }

  #fetch(source: number, ids: readonly string[], lane: SendingLane): void {
    const { plan, feeds, clock, onChange } = this.#options
    const answers: ChunkAnswer[] = []
    const toRead: Chunk[] = []
    for (const id of ids) {
      const taken = plan.takeOut(source, id, clock.nowMs())
      if (taken === undefined && !plan.totals(source).settled) this.#await(source, id, lane)
      else if (taken === undefined) answers.push(this.#sentAhead(source, id))
      else if (taken === 'expired') answers.push(absent(source, id))
      else if (taken !== 'taken') toRead.push(taken)
      else answers.push(...this.#taken(source, id))
    }
    if (answers.length > 0) lane.answer(answers)
    feeds[source]!.poke()
    if (toRead.length > 0) this.#options.spawn(this.#read(source, toRead, lane))
    onChange()
  }

  #await(source: number, id: string, lane: SendingLane): void {
    // The heir has a bound of its own: of what it doesn't hear, it says so to the application.
    if (this.#unlisted.length < demandedChunksMax) this.#unlisted.push({ source, id, lane })
  }

  /** A chunk that isn't to go: nobody has it, or it went ahead of the notice and still holds. */
  #sentAhead(source: number, id: string): ChunkAnswer {
    const packs = this.#options.ledger.packsOf(source, id)
    return packs === undefined ? absent(source, id) : { source, id, packs: PackSet.of(packs) }
  }

  /** A chunk that has left the plan: it is read already, or packed. */
  #taken(source: number, id: string): ChunkAnswer[] {
    const { feeds, ledger, dispatcher, pipeline, plan } = this.#options
    const ready = feeds[source]!.takeOut(id)
    if (ready !== undefined) {
      pipeline.hurry(ready.map((part) => ({ source, part })))
      return []
    }
    const packs = ledger.packsOf(source, id)
    // Being read or packed just now, or left out: of the first the heir hears soon, of the second by its own bound or the receipt.
    if (packs === undefined) {
      const isOnItsWay = !plan.isEmpty(source) || !feeds[source]!.dry || !this.isIdle || pipeline.isUrgent || pipeline.isHolding
      return isOnItsWay ? [] : [absent(source, id)]
    }
    // All of its packs are told, also those that are coming: an heir that has the others only doesn't have the chunk.
    const isElsewhere = packs.filter((number) => !dispatcher.hurry(number) && !dispatcher.isFlying(number)).length > 0
    return isElsewhere ? [{ source, id, packs: PackSet.of(packs) }] : []
  }

  async #read(source: number, chunks: readonly Chunk[], lane: SendingLane): Promise<void> {
    const { sources, plan, pipeline, signal, onChange } = this.#options
    const seen = new Set<Chunk>()
    this.#reading++
    try {
      for await (const parts of sources[source]!.read(chunks, { signal })) {
        for (const part of parts) {
          seen.add(part.chunk)
          if (isLeftOut(part)) {
            plan.leaveOut(source, part.chunk, part.leftOut, part.detail)
            lane.answer([absent(source, part.chunk.id)])
          } else pipeline.hurry([{ source, part }])
        }
        onChange()
        // What is demanded is not to become a queue in memory.
        while (pipeline.urgentBytes > urgentBytesMax && !signal.aborted) await this.#bell.wait(100)
      }
    } catch (thrown) {
      // The feed of the source finds the same, and says so; these chunks are lost with it.
      const left = signal.aborted ? [] : chunks.filter((chunk) => !seen.has(chunk))
      for (const chunk of left) plan.leaveOut(source, chunk, 'source-failed', asHeirloomError(thrown).message)
      if (left.length > 0) lane.answer(left.map(({ id }) => absent(source, id)))
    } finally {
      this.#reading--
      onChange()
    }
  }
}

function absent(source: number, id: string): ChunkAnswer {
  return { source, id, packs: new PackSet() }
}
