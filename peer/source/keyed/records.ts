// What a chunk of a key-value server consists of: records. Their values are the chunk's bytes, one after the other; what else belongs to them travels as
// the chunk's attributes: for each its key, when it expires, how hot it is, and in which form its value is. Both are written and read in place: a million
// keys make no million objects.
//
//   version u8 = 1 | count u32 | form u8[count] | keyBytes u32[count] | valueBytes u32[count] | hotness u32[count] | expiresAtMs f64[count] | keys

import { HeirloomError } from '../../../src/errors.ts'
import { keyNameBytesMax } from '../../../src/limits/keyed.ts'
import { packFragmentsMax } from '../../../src/limits/wire.ts'

const version = 1
const headBytes = 5
const recordBytes = 21

/** `value`: the bytes themselves. `frequency` and `idle`: what Redis dumps, with what its hotness is counted in. */
export const forms = ['value', 'frequency', 'idle'] as const
export type Form = (typeof forms)[number]

/** Where the columns of so many records begin. */
function columnsOf(count: number) {
  return {
    form: headBytes,
    keyBytes: headBytes + count,
    valueBytes: headBytes + 5 * count,
    hotness: headBytes + 9 * count,
    expiresAtMs: headBytes + 13 * count,
    keys: headBytes + recordBytes * count,
  }
}

/** Writes the records of one chunk. Their number and the lengths of all keys and values together are known beforehand. */
export class RecordsWriter {
  readonly attributes: Buffer
  readonly values: Buffer
  readonly #view: DataView
  readonly #columns
  #count = 0
  #keyAt: number
  #valueAt = 0

  constructor(count: number, keyBytes: number, valueBytes: number) {
    this.#columns = columnsOf(count)
    this.attributes = Buffer.allocUnsafe(this.#columns.keys + keyBytes)
    this.values = Buffer.allocUnsafe(valueBytes)
    this.#view = viewOf(this.attributes)
    this.attributes[0] = version
    this.#view.setUint32(1, count)
    this.#keyAt = this.#columns.keys
  }

  /**
   * Begins the next record: `key` and `value` follow. What its hotness is goes by the form: a counter, or the wall time in s of the last access; of a
   * memcached value the client's flags. Its end is a wall time in ms since 1970, or 0 for never.
   */
  add(form: Form, hotness: number, expiresAtMs: number): void {
    const index = this.#count++
    this.attributes[this.#columns.form + index] = forms.indexOf(form)
    this.#view.setUint32(this.#columns.hotness + 4 * index, hotness)
    this.#view.setFloat64(this.#columns.expiresAtMs + 8 * index, expiresAtMs)
  }

  key(source: Uint8Array, start: number, end: number): void {
    this.#view.setUint32(this.#columns.keyBytes + 4 * (this.#count - 1), end - start)
    this.#keyAt = copyBytes(source, start, end, this.attributes, this.#keyAt)
  }

  value(source: Uint8Array, start: number, end: number): void {
    this.#view.setUint32(this.#columns.valueBytes + 4 * (this.#count - 1), end - start)
    this.#valueAt = copyBytes(source, start, end, this.values, this.#valueAt)
  }
}

/** The records of one chunk. */
export class Records {
  readonly count: number
  readonly attributes: Buffer
  /** Where each key begins in the attributes, and each value in the values; the one after it is where it ends. */
  readonly keyStarts: Uint32Array
  readonly valueStarts: Uint32Array
  readonly #columns
  readonly #view: DataView

  /** Throws `malformed` for anything but records whose values are `valuesBytes` long together. */
  constructor(encoded: Uint8Array, valuesBytes: number) {
    const attributes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength)
    const view = viewOf(attributes)
    if (attributes.byteLength < headBytes || attributes[0] !== version) throw malformed('records of an unknown version')
    const count = view.getUint32(1)
    const columns = columnsOf(count)
    if (count > packFragmentsMax || columns.keys > attributes.byteLength) throw malformed('records that are cut off')
    this.keyStarts = new Uint32Array(count + 1)
    this.valueStarts = new Uint32Array(count + 1)
    let [keyAt, valueAt] = [columns.keys, 0]
    for (let index = 0; index < count; index++) {
      this.keyStarts[index] = keyAt
      this.valueStarts[index] = valueAt
      const keyBytes = view.getUint32(columns.keyBytes + 4 * index)
      const expiresAtMs = view.getFloat64(columns.expiresAtMs + 8 * index)
      keyAt += keyBytes
      valueAt += view.getUint32(columns.valueBytes + 4 * index)
      const isTime = Number.isSafeInteger(expiresAtMs) && expiresAtMs >= 0
      if (!isTime || attributes[columns.form + index]! >= forms.length || keyBytes > keyNameBytesMax)
        throw malformed('records that nobody wrote')
      if (keyAt > attributes.byteLength || valueAt > valuesBytes) throw malformed('records that are cut off')
    }
    if (keyAt !== attributes.byteLength || valueAt !== valuesBytes) throw malformed('records that are cut off')
    this.keyStarts[count] = keyAt
    this.valueStarts[count] = valueAt
    this.count = count
    this.attributes = attributes
    this.#columns = columns
    this.#view = view
  }

  form(index: number): Form {
    return forms[this.attributes[this.#columns.form + index]!]!
  }

  hotness(index: number): number {
    return this.#view.getUint32(this.#columns.hotness + 4 * index)
  }

  expiresAtMs(index: number): number {
    return this.#view.getFloat64(this.#columns.expiresAtMs + 8 * index)
  }

  /** A view. */
  key(index: number): Buffer {
    return this.attributes.subarray(this.keyStarts[index], this.keyStarts[index + 1])
  }
}

// Makes no view, as `set` would need one: of millions of records they would be most of the garbage.
const { copy } = Buffer.prototype

/** Short ones are copied byte by byte: a call costs more. Answers where the copy ends. */
export function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): number {
  if (end - start > 32) copy.call(from, to, at, start, end)
  else for (let index = start; index < end; index++) to[at + index - start] = from[index]!
  return at + end - start
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}

function malformed(what: string): HeirloomError {
  return new HeirloomError('malformed', what)
}
