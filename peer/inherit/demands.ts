// What applications ask for ahead of its turn while their state is still coming (CONTRACT: POST /v1/demand). A chunk is asked of the
// predecessor while it can be reached, by its id; of the relay, which may know no ids, by the number of the pack that has it.
//
// Invariant: every demand is answered within its bound: restored, not coming, or late.

import type { Clock } from '../../src/clock.ts'
import type { DecodedPack, PackDirectory } from '../../src/chunk/pack.ts'
import { HeirloomError } from '../../src/errors.ts'
import { demandedChunksMax, demandedIdBytesMax, demandsOpenMax } from '../../src/limits/demand.ts'
import type { ChunkAnswer, DemandMessage } from '../../src/transfer/demand.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { Directories, directoryNumbers } from './directories.ts'
import type { RestoredPack } from './waiting-pack.ts'

export interface DemandOutcome {
  readonly restored: readonly string[]
  /** They won't come. */
  readonly absent: readonly string[]
  /** They did not come in time, and may still. */
  readonly late: readonly string[]
}

type Verdict = 'restored' | 'absent'

/** Somebody who takes a demand. */
export interface Demanded {
  demand(demand: Partial<DemandMessage>): void
}

export interface DemandsOptions {
  readonly clock: Clock
  /** The number of a source; undefined while nothing of it is known. */
  readonly sourceOf: (name: string) => number | undefined
  readonly nameOf: (source: number) => string | undefined
  readonly isRestored: (source: number, id: string) => boolean
  /** Whether a pack was restored. */
  readonly isPackRestored: (number: number) => boolean
  readonly isPackHere: (number: number) => boolean
  /** A lane to the predecessor, and one from the relay, while there is one. */
  readonly direct: () => Demanded | undefined
  readonly store: () => Demanded | undefined
  /** How many packs there are, when that is known. */
  readonly packs: () => number | undefined
  /** Something was demanded. */
  readonly onDemand: () => void
}

interface Open {
  readonly source: string
  readonly id: string
  readonly tells: Set<(verdict: Verdict) => void>
  /** Whom it was asked of last. */
  askedOf: Demanded | undefined
}

export class Demands {
  readonly #options: DemandsOptions
  readonly #open = new Map<string, Open>()
  readonly #directories = new Directories()
  /** The lane from the relay that was asked for the directories. */
  #directoriesOf: Demanded | undefined
  #isOver = false

  constructor(options: DemandsOptions) {
    this.#options = options
  }

  get isAnyOpen(): boolean {
    return this.#open.size > 0
  }

  /** Whether somebody waits for a chunk of this pack. */
  wants({ fragments }: Pick<DecodedPack, 'fragments'>): boolean {
    if (this.#open.size === 0) return false
    return fragments.some(({ source, id }) => this.#open.has(keyOf(this.#options.nameOf(source) ?? '', id)))
  }

  /** Resolves when all are restored or won't come, or after `withinMs`. Throws `busy` when too much is open, and the signal's reason. */
  async ask(source: string, ids: readonly string[], withinMs: number, signal: AbortSignal): Promise<DemandOutcome> {
    if (this.#open.size + ids.length > demandsOpenMax)
      throw new HeirloomError('busy', `${this.#open.size} chunks are being waited for already`)
    const verdicts = new Map<string, Verdict>()
    const wanted = new Set(ids)
    const all = Promise.withResolvers<void>()
    const cancels = [...wanted].map((id) =>
      this.#await(source, id, (verdict) => {
        verdicts.set(id, verdict)
        if (verdicts.size === wanted.size) all.resolve()
      }),
    )
    if (wanted.size === 0) all.resolve()
    const cancel = this.#options.clock.after(withinMs, () => all.resolve())
    const onAbort = () => all.resolve()
    signal.addEventListener('abort', onAbort, { once: true })
    if (this.#open.size > 0) this.#options.onDemand()
    this.route()
    await all.promise
    cancel()
    signal.removeEventListener('abort', onAbort)
    for (const forget of cancels) forget()
    const those = (verdict: Verdict | undefined) => [...wanted].filter((id) => verdicts.get(id) === verdict)
    return { restored: those('restored'), absent: those('absent'), late: those(undefined) }
  }

  /** Asks for whatever hasn't been asked of somebody who is there: a lane came or went, or more is known. */
  route(): void {
    if (this.#open.size === 0 || this.#isOver) return
    const { direct, store } = this.#options
    const predecessor = direct()
    if (predecessor !== undefined) return this.#askPredecessor(predecessor)
    const relay = store()
    if (relay !== undefined) this.#askRelay(relay)
  }

  /** A pack has come. It isn't restored yet, but says more than its own chunks. */
  arrived({ sources, directory }: Pick<DecodedPack, 'sources' | 'directory'>): void {
    this.learned(directory)
    if (sources.length > 0) this.route()
  }

  /** What is in place is said to be, whatever becomes of the rest of its pack and of the journal. */
  placed({ source, restored, refused }: RestoredPack['settled'][number]): void {
    this.settled(source, restored, 'restored')
    this.settled(source, refused, 'absent')
  }

  /** A pack is restored: nobody needs to be told any more where its chunks are. */
  forget(number: number): void {
    this.#directories.forget(number)
  }

  /** Chunks of a source were restored, or won't be. */
  settled(source: string, ids: readonly string[], verdict: Verdict): void {
    if (this.#open.size === 0) return
    for (const id of ids) this.#settle(keyOf(source, id), verdict)
  }

  /** What the predecessor said. */
  answered(chunks: readonly ChunkAnswer[]): void {
    const packs = new PackSet()
    for (const { source, id, packs: inPacks } of chunks) {
      const name = this.#options.nameOf(source)
      if (name === undefined) continue
      if (inPacks.size === 0) this.#settle(keyOf(name, id), 'absent')
      else this.#expect(keyOf(name, id), inPacks, packs)
    }
    if (packs.size === 0) return
    // The store has them; where it can't be asked, the predecessor packs them anew.
    const from = this.#options.store() ?? this.#options.direct()
    from?.demand({ packs })
  }

  learned(directory: readonly PackDirectory[]): void {
    if (directory.length === 0) return
    this.#directories.learn(directory.filter(({ pack }) => !this.#options.isPackHere(pack)))
    for (const open of this.#open.values()) if (open.askedOf === this.#directoriesOf) open.askedOf = undefined
    this.route()
  }

  /** Nothing more will come. */
  end(): void {
    this.#isOver = true
    for (const key of this.#open.keys()) this.#settle(key, 'absent')
  }

  /** Answers how to wait no longer. */
  #await(source: string, id: string, tell: (verdict: Verdict) => void): () => void {
    const index = this.#options.sourceOf(source)
    const known = index !== undefined && this.#options.isRestored(index, id) ? 'restored' : this.#isOver ? 'absent' : undefined
    if (known !== undefined) {
      tell(known)
      return () => {}
    }
    const key = keyOf(source, id)
    const open = this.#open.get(key) ?? { source, id, tells: new Set(), askedOf: undefined }
    this.#open.set(key, open)
    open.tells.add(tell)
    return () => {
      open.tells.delete(tell)
      if (open.tells.size === 0 && this.#open.get(key) === open) this.#open.delete(key)
    }
  }

  #settle(key: string, verdict: Verdict): void {
    const open = this.#open.get(key)
    if (open === undefined) return
    this.#open.delete(key)
    for (const tell of open.tells) tell(verdict)
  }

  /** A chunk is in these packs: those that aren't here are fetched. */
  #expect(key: string, inPacks: Iterable<number>, fetch: PackSet): void {
    const numbers = [...inPacks]
    // Of what an earlier process of this peer restored only the packs' numbers are known.
    if (numbers.every((number) => this.#options.isPackRestored(number))) return this.#settle(key, 'restored')
    for (const number of numbers) if (!this.#options.isPackHere(number)) fetch.add(number)
  }

  /** Those that weren't asked of it, by source. */
  #unasked(of: Demanded): Map<number, Open[]> {
    const bySource = new Map<number, Open[]>()
    for (const open of this.#open.values()) {
      const source = open.askedOf === of ? undefined : this.#options.sourceOf(open.source)
      if (source === undefined) continue
      open.askedOf = of
      const list = bySource.get(source) ?? []
      bySource.set(source, list)
      list.push(open)
    }
    return bySource
  }

  #askPredecessor(predecessor: Demanded): void {
    for (const [source, opens] of this.#unasked(predecessor)) {
      let ids: string[] = []
      let bytes = 0
      for (const { id } of opens) {
        if (ids.length === demandedChunksMax || bytes + 3 * id.length > demandedIdBytesMax) {
          predecessor.demand({ chunks: [{ source, ids }] })
          ids = []
          bytes = 0
        }
        ids.push(id)
        bytes += 3 * id.length
      }
      predecessor.demand({ chunks: [{ source, ids }] })
    }
  }

  #askRelay(relay: Demanded): void {
    const packs = new PackSet()
    let isUnknown = false
    for (const [source, opens] of this.#unasked(relay)) {
      for (const { source: name, id } of opens) {
        const found = this.#directories.find(source, id)
        if (found.length === 0) isUnknown = true
        else this.#expect(keyOf(name, id), found, packs)
      }
    }
    // The directories come by the same way, ahead of all else.
    if (isUnknown && this.#directoriesOf !== relay) {
      this.#directoriesOf = relay
      packs.addAll(directoryNumbers(this.#options.packs()))
    }
    if (packs.size > 0) relay.demand({ packs })
  }
}

function keyOf(source: string, id: string): string {
  return `${source} ${id}`
}
