// What of one source goes by reference, until a pack has taken it along. Each goes once, unless its pack is lost.

import type { Chunk } from '../chunk/chunk.ts'
import { referenceBytes, referenceTo, type Reference } from '../chunk/reference.ts'
import { referencesMax } from '../limits/plan.ts'
import { valuePerByte } from './chunk-table.ts'

export class ReferenceQueue {
  readonly #source: number
  readonly #byValue: boolean
  #chunks: Chunk[] = []
  #next = 0
  #isSorted = true
  #back: Reference[] = []
  readonly #told = new Set<string>()

  constructor(source: number, byValue: boolean) {
    this.#source = source
    this.#byValue = byValue
  }

  get isFull(): boolean {
    return this.#chunks.length + this.#told.size >= referencesMax
  }

  get isEmpty(): boolean {
    return this.#back.length === 0 && this.#next === this.#chunks.length
  }

  add(chunk: Chunk): void {
    if (this.#told.has(chunk.id)) return
    this.#chunks.push(chunk)
    this.#isSorted = !this.#byValue
  }

  /** The source is asked again: what has not gone is listed anew. */
  clear(): void {
    this.#chunks = []
    this.#next = 0
  }

  /** The next ones, within both bounds. */
  take(countMax: number, bytesMax: number): Reference[] {
    this.#sort()
    const taken: Reference[] = []
    let bytes = 0
    while (taken.length < countMax) {
      const next = this.#back[0] ?? (this.#next < this.#chunks.length ? referenceTo(this.#source, this.#chunks[this.#next]!) : undefined)
      if (next === undefined) break
      bytes += referenceBytes(next)
      if (taken.length > 0 && bytes > bytesMax) break
      if (this.#back.shift() === undefined) this.#next++
      this.#told.add(next.id)
      taken.push(next)
    }
    if (this.#next === this.#chunks.length) this.clear()
    return taken
  }

  /** The packs that these were in are lost. */
  giveBack(references: readonly Reference[]): void {
    this.#back.push(...references)
  }

  #sort(): void {
    if (this.#isSorted) return
    this.#chunks = this.#chunks.slice(this.#next).sort((a, b) => valuePerByte(b) - valuePerByte(a))
    this.#next = 0
    this.#isSorted = true
  }
}
