// Which chunks of one inheritance are in place: 8 to 16 bytes a chunk, since there may be millions.

import type { DecodedPack } from '../../src/chunk/pack.ts'
import type { RestoreOutcome } from '../source/source.ts'

/** Of the slots so many are taken at most: beyond it the search would be long. */
const fullest = 0.6

const firstSlots = 1024

export class RestoredChunks {
  /** Hashes of 53 bits, 0 where there is none: of a million chunks two of one hash are one chance in ten thousand. */
  #slots = new Float64Array(firstSlots)
  #size = 0
  /** Pieces that wait for others of the same whole, by what they are pieces of. */
  readonly #staged = new Map<string, Set<string>>()

  has(source: number, id: string): boolean {
    return this.#slots[this.#slotOf(hash(source, id))] !== 0
  }

  /** A part of a chunk has arrived and waits for the rest. */
  stage(source: number, id: string): void {
    const whole = `${source} ${wholeOf(id)}`
    const pieces = this.#staged.get(whole) ?? new Set()
    this.#staged.set(whole, pieces.add(id))
  }

  /** A chunk is in place, and with it all that waited for it; answers the ids. */
  finish(source: number, id: string): string[] {
    const whole = `${source} ${wholeOf(id)}`
    const pieces = this.#staged.get(whole)
    this.#staged.delete(whole)
    const ids = pieces === undefined ? [id] : [...pieces.add(id)]
    for (const each of ids) this.#add(hash(source, each))
    return ids
  }

  /** What is in place with the fragments of a pack, and what won't be. */
  settle(fragments: DecodedPack['fragments'], { unfinished, refused }: RestoreOutcome): { restored: string[]; refused: string[] } {
    const without = new Set(refused.map(({ id }) => id))
    const staged = new Set(unfinished)
    const restored: string[] = []
    for (const [index, { source, id, chunkBytes, body }] of fragments.entries()) {
      if (without.has(id)) continue
      // Folders count as unfinished until the end, since their times are still to come, but they are there.
      const isPart = body.byteLength < chunkBytes || offset.test(id)
      if (staged.has(index) && isPart) this.stage(source, id)
      else restored.push(...this.finish(source, id))
    }
    return { restored, refused: [...without] }
  }

  #add(key: number): void {
    if (this.#size + 1 > fullest * this.#slots.length) this.#grow()
    const slot = this.#slotOf(key)
    if (this.#slots[slot] === 0) this.#size++
    this.#slots[slot] = key
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = new Float64Array(2 * old.length)
    for (const key of old) if (key !== 0) this.#slots[this.#slotOf(key)] = key
  }

  /** Where a key is, or would be. */
  #slotOf(key: number): number {
    const mask = this.#slots.length - 1
    let slot = (key % 0x1_0000_0000) & mask
    while (this.#slots[slot] !== 0 && this.#slots[slot] !== key) slot = (slot + 1) & mask
    return slot
  }
}

/** Pieces of a large file end with their offset: `path//OFFSET`. */
const offset = /\/\/\d+$/

/** What isn't a piece is a whole of its own. */
function wholeOf(id: string): string {
  return id.replace(offset, '')
}

/** Two FNV-1a hashes over UTF-16 units side by side; never 0. */
function hash(source: number, text: string): number {
  let low = 0x811c9dc5 ^ source
  let high = 0x01000193 ^ (source << 8)
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    low = Math.imul(low ^ unit, 0x01000193)
    high = Math.imul(high ^ unit, 0x5bd1e995)
  }
  high ^= high >>> 13
  low ^= low >>> 15
  return (high & 0x1f_ffff) * 0x1_0000_0000 + (low >>> 0) || 1
}
