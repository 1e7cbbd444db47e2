// A trace in memory: four bytes a reference, in pieces, so that growing never copies what is there already. The text that it came
// from is not kept.

import { HeirloomError } from '../../src/errors.ts'
import { traceReferencesMax } from '../../src/limits/plan.ts'
import { KeyIndex } from './key-index.ts'

const pieceReferences = 1 << 20

export class Trace {
  readonly keys = new KeyIndex()
  readonly #pieces: Uint32Array[] = []
  #last: Uint32Array = new Uint32Array(0)
  #used = 0

  /** References so far. */
  get length(): number {
    return this.#pieces.length === 0 ? 0 : (this.#pieces.length - 1) * pieceReferences + this.#used
  }

  addNumber(key: number): void {
    this.#add(this.keys.ofNumber(key))
  }

  addText(key: string): void {
    this.#add(this.keys.ofText(key))
  }

  /** Hands over the pages of the references from `start` to before `end`, a stretch at a time. */
  *stretches(start: number, end: number): Generator<Uint32Array> {
    for (let at = start; at < end;) {
      const piece = Math.floor(at / pieceReferences)
      const offset = at - piece * pieceReferences
      const until = Math.min(pieceReferences, offset + end - at)
      yield this.#pieces[piece]!.subarray(offset, until)
      at += until - offset
    }
  }

  /** The page of one reference. */
  at(reference: number): number {
    const piece = Math.floor(reference / pieceReferences)
    return this.#pieces[piece]![reference - piece * pieceReferences]!
  }

  #add(number: number): void {
    if (this.#used === this.#last.length) {
      if (this.length >= traceReferencesMax)
        throw new HeirloomError('io', `the trace has more than ${traceReferencesMax} references`, { hint: 'cut it, or sample its keys' })
      this.#last = new Uint32Array(pieceReferences)
      this.#pieces.push(this.#last)
      this.#used = 0
    }
    this.#last[this.#used++] = number
  }
}
