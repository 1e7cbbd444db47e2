// Memory for packs that arrive. Fresh memory for each would cost more than reading into it: the system clears every page of
// it at the first touch.
//
// Invariant: memory that was given back is nobody's; it is handed out again, and what a view of it shows changes.

import { packBuffersKept, packBytesTarget } from '../limits/wire.ts'
import { freeMemory } from './free-memory.ts'

/** A pack of the usual size, with the heads of what is in it, its tag, and the head of the next. */
const usualBytes = packBytesTarget + 64 * 1024

export class PackBuffers {
  readonly #kept: Uint8Array[] = []

  /** At least so many bytes, with anything in them. Packs far from the usual size get memory of their own: small ones would waste most of it. */
  take(bytes: number): Uint8Array {
    if (bytes > usualBytes || bytes < usualBytes / 2) return fresh(bytes)
    return this.#kept.pop() ?? fresh(usualBytes)
  }

  /** Once for each `take`, when nobody reads it any more. */
  give(memory: Uint8Array): void {
    if (memory.byteLength !== usualBytes || this.#kept.length >= packBuffersKept) freeMemory([memory])
    else this.#kept.push(memory)
  }
}

function fresh(bytes: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer)
}
