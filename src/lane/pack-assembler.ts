// Packs out of what a data socket brings. The socket reads straight to where the bytes belong, the rest of the pack and the head of the next
// one at a time, so that nothing is copied and a pack costs few reads.
//
// Invariant: a head is checked before memory is taken for what it announces; a pack is handed on whole, with the right tag, or not at all.

import { HeirloomError } from '../errors.ts'
import { frameHeadBytes, frameType, readHead, type Frame, type FrameGate } from '../wire/frame.ts'
import type { PackBuffers } from '../wire/pack-buffers.ts'
import { packTagBytes, PackTags } from './pack-tags.ts'

export interface PackAssemblerOptions {
  readonly buffers: PackBuffers
  /** Of the socket's tags; undefined when there are none. */
  readonly key: Uint8Array | undefined
  readonly onFrame: (frame: Frame) => void
}

export class PackAssembler {
  readonly #buffers: PackBuffers
  readonly #tags: PackTags | undefined
  readonly #tagBytes: number
  readonly #onFrame: (frame: Frame) => void
  readonly #head = new Uint8Array(frameHeadBytes)
  #headFilled = 0
  /** The pack's body, its tag and the next head, as far as they have come. Undefined between two packs. */
  #memory: Uint8Array | undefined
  #filled = 0
  #bodyBytes = 0
  #gate: FrameGate | undefined
  #onOpen = () => {}
  /** What came while the gate was shut. Undefined while it is open. */
  #backlog: Uint8Array[] | undefined

  constructor({ buffers, key, onFrame }: PackAssemblerOptions) {
    this.#buffers = buffers
    this.#tags = key && new PackTags(key)
    this.#tagBytes = key === undefined ? 0 : packTagBytes
    this.#onFrame = onFrame
  }

  /** Whether it stands between two packs: an end anywhere else is a torn one. */
  get clean(): boolean {
    return this.#memory === undefined && this.#headFilled === 0
  }

  /** The pack whose head has come has to wait: read no more until `onOpen` of `setGate` was called. */
  get isWaiting(): boolean {
    return this.#backlog !== undefined
  }

  /** From the next pack on, for what comes by `push`. `onOpen` is called when what waited may be taken with `resume`. */
  setGate(gate: FrameGate, onOpen: () => void): void {
    this.#gate = gate
    this.#onOpen = onOpen
  }

  /** Takes what has waited. Throws as `filled` does. */
  resume(): void {
    const backlog = this.#backlog ?? []
    this.#backlog = undefined
    this.#takeMemory()
    for (const piece of backlog) this.push(piece)
  }

  /** Where the next bytes belong; never empty. */
  space(): Uint8Array {
    if (this.#memory === undefined) return this.#head.subarray(this.#headFilled)
    return this.#memory.subarray(this.#filled, this.#end + frameHeadBytes)
  }

  /** So many bytes have come into that space. Throws `malformed`, `too-large` or `unauthorised`; then the socket is over. */
  filled(bytes: number): void {
    if (this.#memory === undefined) {
      this.#headFilled += bytes
      if (this.#headFilled === frameHeadBytes) this.#begin()
    } else this.#filled += bytes
    while (this.#memory !== undefined && this.#filled >= this.#end) this.#finish(this.#memory)
  }

  /** Takes bytes that came elsewhere. Throws as `filled` does. */
  push(piece: Uint8Array): void {
    for (let at = 0; at < piece.byteLength;) {
      if (this.#backlog !== undefined) return void this.#backlog.push(piece.subarray(at))
      const space = this.space()
      const part = piece.subarray(at, at + space.byteLength)
      space.set(part)
      at += part.byteLength
      this.filled(part.byteLength)
    }
  }

  get #end(): number {
    return this.#bodyBytes + this.#tagBytes
  }

  #begin(): void {
    this.#headFilled = 0
    const { type, bytes } = readHead(this.#head)
    if (type !== frameType.pack) throw new HeirloomError('malformed', `a data socket brought a frame of type ${type}`)
    this.#bodyBytes = bytes
    if (this.#gate?.enter(type, bytes, this.#onOpen) === false) this.#backlog = []
    else this.#takeMemory()
  }

  #takeMemory(): void {
    this.#filled = 0
    this.#memory = this.#buffers.take(this.#end + frameHeadBytes)
  }

  #finish(memory: Uint8Array): void {
    const end = this.#end
    const body = [memory.subarray(0, this.#bodyBytes)]
    const ahead = memory.subarray(end, this.#filled)
    this.#head.set(ahead)
    this.#headFilled = ahead.byteLength
    this.#memory = undefined
    this.#tags?.check(body, memory.subarray(this.#bodyBytes, end))
    let isFree = false
    const free = () => {
      if (!isFree) this.#buffers.give(memory)
      isFree = true
    }
    this.#onFrame({ type: frameType.pack, body, bytes: this.#bodyBytes, free })
    if (this.#headFilled === frameHeadBytes) this.#begin()
  }
}
