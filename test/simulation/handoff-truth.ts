// What is true of each handoff, whatever the processes believe: what was sealed, who acknowledged what, who was told to be the heir.

import { crc32 } from 'node:zlib'
import { decodePack, type DecodedPack, type Verdict } from '../../src/chunk/pack.ts'
import { PackOpener } from '../../src/seal/pack-seal.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { outranks } from '../../relay/claim-order.ts'
import type { HandoffRecord } from '../../relay/store/store.ts'
import type { HandoffOutcome } from '../../peer/result.ts'
import type { Division } from './division.ts'
import type { SimulatedChunk, SourceScript } from './state.ts'

export interface SealedTruth {
  readonly pack: DecodedPack
  readonly crc: number
  readonly bytes: number
}

/** A stream on which an heir has welcomed a sender. */
export interface WelcomedLane {
  readonly heir: string
  readonly epoch: number
  readonly isOpen: () => boolean
}

/** A handoff at one relay. */
export class HandoffPlace {
  /** Its store has acknowledged these. */
  readonly stored = new PackSet()
  /** Packs whose only copy the relay could not read. */
  readonly unreadable = new PackSet()
  /** The relay was told by the heir that it is done. */
  isFinished = false
  /** As the relay had it last. */
  record: HandoffRecord | undefined
  /** The claim that it told last. */
  claim: ToldClaim | undefined
}

/** A claim as somebody was told of it. */
export interface ToldClaim {
  readonly epoch: number
  readonly assignedBy: string
  readonly heir: string
}

export interface TruthOptions {
  readonly hex: string
  readonly pool: Uint8Array
  readonly key: Uint8Array
  readonly owner: string
  readonly sources: readonly SourceScript[]
  /** How its predecessor divides its state; undefined: not at all. */
  readonly division: Division | undefined
  readonly atMs: number
  /** As its predecessor's clock says. */
  readonly createdMs: number
}

export class HandoffTruth {
  readonly hex: string
  readonly pool: string
  /** The predecessor's name, whose bytes its chunks have. */
  readonly owner: string
  readonly sources: readonly SourceScript[]
  /** By its predecessor's clock. */
  readonly createdMs: number
  readonly sealed = new Map<number, SealedTruth>()
  /** By relay. */
  readonly #places = new Map<string, HandoffPlace>()
  /** By the heir's machine, since its last boot: what it has acknowledged on lanes from the predecessor or the relay. */
  readonly acknowledged = new Map<string, PackSet>()
  /** By the heir's machine: what it has acknowledged at any time. */
  readonly everAcknowledged = new Map<string, PackSet>()
  /** By the heir's machine, since its last boot: restored. */
  readonly restored = new Map<string, PackSet>()
  /** By the heir's machine: what it had in place when it last told the relay that it is done. */
  readonly finishing = new Map<string, PackSet>()
  /** By the heir's process: packs that have come to it. */
  readonly here = new Map<string, PackSet>()
  /** Every claim that anybody was told, by epoch and by the relay that gave it. */
  readonly #claims = new Map<string, ToldClaim>()
  /** By heir: the highest epoch that it knows to be past. */
  readonly fenced = new Map<string, number>()
  /** What heirs have demanded, of a predecessor by `source id`, of a relay by number. */
  readonly demandedChunks = new Set<string>()
  readonly demandedPacks = new PackSet()
  /** Those that were open lately. */
  welcomed: WelcomedLane[] = []
  /** What is restored of it is no older than this moment of the world: it began then, or a catalog of it was complete, or its notice came. */
  asOfMs: number
  /** How the predecessor says it ended. */
  handedOff: HandoffOutcome | undefined
  /** Of a divided state. */
  readonly division: Division | undefined
  #part: string | undefined
  /** Its policy may leave some of it out. */
  isLimited = false
  readonly #opener: PackOpener

  constructor(options: TruthOptions) {
    this.hex = options.hex
    this.pool = Buffer.from(options.pool).toString('hex')
    this.owner = options.owner
    this.asOfMs = options.atMs
    this.createdMs = options.createdMs
    this.sources = options.sources
    this.division = options.division
    this.#opener = new PackOpener({ key: options.key, pool: options.pool, handoff: Buffer.from(options.hex, 'hex') })
  }

  at(relay: string): HandoffPlace {
    const known = this.#places.get(relay) ?? new HandoffPlace()
    this.#places.set(relay, known)
    return known
  }

  /** Of a divided state. */
  get part(): string | undefined {
    return this.#part
  }

  /** Somebody says of which part it is; answers what is wrong with that. */
  isOfPart(part: string | undefined): string | undefined {
    const known = (this.#part ??= part)
    if (known !== part) return `${this.hex.slice(0, 6)} was said to be of part ${known}, now of ${part}`
    const parts = this.division?.partition.parts
    return (parts === undefined) === (part === undefined) && parts?.includes(part!) !== false ? undefined : `${part} is no part`
  }

  /** What its heir is to get of a source, as far as it is there when it is read. */
  chunksOf(source: SourceScript): readonly SimulatedChunk[] {
    return this.#part === undefined ? source.chunks : (this.division?.chunksOf(this.#part, source) ?? [])
  }

  /** It was offered ahead of a notice. */
  wasStanding = false

  /** Some of it went ahead of a notice, and a catalog or the notice says what of that holds. */
  get isAhead(): boolean {
    return this.sealed.values().some(({ pack }) => pack.verdict !== undefined)
  }

  /** Acknowledged by the store of any relay. */
  get stored(): PackSet {
    const all = new PackSet()
    for (const { stored } of this.#places.values()) all.addAll(stored)
    return all
  }

  /** Some relay was told that its heir is done. */
  get isFinished(): boolean {
    return this.#places.values().some(({ isFinished }) => isFinished)
  }

  /** Whether somebody was told that this is the heir of no lower a claim than any other. */
  isHeir(peer: string): boolean {
    const highest = Math.max(0, ...this.#claims.values().map(({ epoch }) => epoch))
    return this.heirsOf(highest).includes(peer)
  }

  /** Whom relays gave this epoch. */
  heirsOf(epoch: number): string[] {
    return [...this.#claims.values()].filter((claim) => claim.epoch === epoch).map(({ heir }) => heir)
  }

  /** A relay tells of a claim; answers what is wrong with it. */
  told(relay: string, claim: ToldClaim): { rule: string; detail: string } | undefined {
    const stamp = `${claim.epoch} ${claim.assignedBy}`
    const known = this.#claims.get(stamp)
    const place = this.at(relay)
    const before = place.claim
    this.#claims.set(stamp, claim)
    place.claim = claim
    const title = `epoch ${claim.epoch} of ${this.hex.slice(0, 6)}`
    if (known !== undefined && known.heir !== claim.heir) return { rule: 'an epoch has one heir', detail: title }
    if (before === undefined || !outranks(before, claim, this.pool)) return undefined
    return { rule: 'the highest epoch alone is valid', detail: `${title} was told after ${before.epoch}` }
  }

  welcomes(lane: WelcomedLane): void {
    this.welcomed = [...this.welcomed.filter(({ isOpen }) => isOpen()), lane]
  }

  /** Takes note of a pack on the wire; answers what is wrong with it. */
  see(number: number, sealed: Uint8Array): string | undefined {
    const crc = crc32(sealed)
    const known = this.sealed.get(number)
    if (known !== undefined) return known.crc === crc ? undefined : `pack ${number} has other bytes than it was sealed with`
    try {
      this.sealed.set(number, { pack: decodePack(this.#opener.open([sealed]).plain), crc, bytes: sealed.byteLength })
      return undefined
    } catch (thrown) {
      return `pack ${number} does not open: ${String(thrown)}`
    }
  }

  /** What is in a pack, which was seen, and not in the part that it is of. */
  strayIn(number: number): string | undefined {
    const { division } = this
    const { fragments } = this.sealed.get(number)?.pack ?? {}
    if (division === undefined || fragments === undefined) return undefined
    if (this.#part === undefined) return 'nobody was told of which part it is'
    for (const { source: index, id } of fragments) {
      const source = this.sources[index]!
      const chunk = source.chunks.find((each) => each.id === id)!
      const other = division.sealed(source.name, chunk, this.#part)
      if (other !== undefined) return `${source.name} ${id} is in part ${this.#part} and in part ${other}`
    }
    return undefined
  }

  /** Whether somebody waits for what is in this pack, which was seen. */
  isDemanded(number: number): boolean {
    if (this.demandedPacks.has(number)) return true
    return this.sealed.get(number)?.pack.fragments.some(({ source, id }) => this.demandedChunks.has(`${source} ${id}`)) === true
  }

  acknowledgedBy(heir: string): PackSet {
    return setOf(this.acknowledged, heir)
  }

  hereAt(heir: string): PackSet {
    return setOf(this.here, heir)
  }

  everAcknowledgedBy(heir: string): PackSet {
    return setOf(this.everAcknowledged, heir)
  }

  restoredBy(heir: string): PackSet {
    return setOf(this.restored, heir)
  }

  /** Numbers whose chunks have gone into later packs. */
  superseded(): PackSet {
    const all = new PackSet()
    let verdict: Verdict | undefined
    for (const { pack } of this.sealed.values()) {
      all.addAll(pack.superseded)
      if (pack.verdict !== undefined && pack.verdict.since >= (verdict?.since ?? 0)) verdict = pack.verdict
    }
    // Of what was sent ahead of the notice the rest is out of date.
    for (let number = 0; number < (verdict?.since ?? 0); number++) if (!verdict!.whole.has(number)) all.add(number)
    return all
  }

  /** Whether a verdict has found it out of date: an heir that hears that counts it as had, until its process is another. */
  isOutdated(number: number): boolean {
    return this.isAhead && this.superseded().has(number)
  }

  /** Of these, what this heir has heard of. */
  supersededAt(heir: string): PackSet {
    const all = new PackSet()
    const [here, restored] = [this.hereAt(heir), this.restoredBy(heir)]
    for (const [number, { pack }] of this.sealed) if (here.has(number) || restored.has(number)) all.addAll(pack.superseded)
    if (this.isAhead) all.addAll(this.superseded())
    return all
  }

  /** How many chunks the predecessor promised last, by source. */
  promised(): Map<string, number> {
    const promised = new Map<string, number>()
    for (const [, { pack }] of [...this.sealed].sort(([one], [other]) => one - other))
      for (const { name, chunks } of pack.sources) promised.set(name, chunks)
    return promised
  }

  /** Chunks of a source that are whole within these packs. */
  wholeChunks(source: string, packs: PackSet): Set<string> {
    const index = this.sources.findIndex(({ name }) => name === source)
    const lengths = new Map<string, Map<number, number>>()
    for (const number of packs) {
      for (const { source: of, id, offset, body } of this.sealed.get(number)?.pack.fragments ?? []) {
        if (of !== index) continue
        const ranges = lengths.get(id) ?? new Map<number, number>()
        lengths.set(id, ranges.set(offset, body.byteLength))
      }
    }
    const whole = this.sources[index]!.chunks.filter(({ id, realBytes }) => {
      const ranges = lengths.get(id)
      return ranges !== undefined && ranges.values().reduce((sum, length) => sum + length, 0) >= realBytes
    })
    return new Set(whole.map(({ id }) => id))
  }
}

function setOf(sets: Map<string, PackSet>, key: string): PackSet {
  const known = sets.get(key) ?? new PackSet()
  sets.set(key, known)
  return known
}
