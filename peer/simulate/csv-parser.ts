// `.csv` with a header that names a column `lbn`, `obj` or `key`: a reference a line. Other columns are not looked at.
// Fields may be quoted as in RFC 4180, but for newlines within quotes, which no trace has.

import { HeirloomError } from '../../src/errors.ts'
import { chunkIdBytesMax } from '../../src/limits/wire.ts'
import type { Trace } from './trace.ts'
import type { TraceParser } from './trace-parser.ts'

const keyColumns = ['lbn', 'obj', 'key']
const [newline, carriageReturn, comma, quote, zero, nine] = [10, 13, 44, 34, 48, 57] as const

/** Digits that a number can hold exactly; longer keys are texts. */
const digitsMax = 15

export class CsvParser implements TraceParser {
  readonly #trace: Trace
  readonly #decoder = new TextDecoder()
  /** The field that is kept: a cell of the header, or the key. */
  readonly #kept = new Uint8Array(chunkIdBytesMax)
  #keptBytes = 0
  #header: string[] | undefined = []
  #columns = 0
  #keyColumn = 0
  #line = 1
  #column = 0
  #quoted = false
  #lineBytes = 0

  constructor(trace: Trace) {
    this.#trace = trace
  }

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at]!
      if (byte === quote) this.#quoted = !this.#quoted
      else if (byte === newline) {
        this.#endLine()
        continue
      } else if (byte === comma && !this.#quoted) this.#endField()
      else if (byte !== carriageReturn && (this.#header !== undefined || this.#column === this.#keyColumn)) {
        if (this.#keptBytes === chunkIdBytesMax) throw this.#malformed(`has a field of more than ${chunkIdBytesMax} bytes`)
        this.#kept[this.#keptBytes++] = byte
      }
      if (byte !== carriageReturn) this.#lineBytes++
    }
  }

  end(): void {
    this.#endLine()
    if (this.#header !== undefined) throw new HeirloomError('io', 'it is empty', { hint: needed })
  }

  #endField(): void {
    if (this.#header !== undefined) this.#header.push(this.#text().trim().toLowerCase())
    else if (this.#column === this.#keyColumn) this.#addKey()
    this.#keptBytes = 0
    this.#column++
  }

  #endLine(): void {
    if (this.#quoted) throw this.#malformed('has a quote that is not closed')
    if (this.#lineBytes > 0) {
      this.#endField()
      if (this.#header !== undefined) this.#endHeader(this.#header)
      else if (this.#column !== this.#columns)
        throw this.#malformed(`has ${this.#column} field${this.#column === 1 ? '' : 's'} where the header has ${this.#columns}`)
    }
    this.#column = 0
    this.#lineBytes = 0
    this.#line++
  }

  #endHeader(names: readonly string[]): void {
    const key = keyColumns.find((name) => names.includes(name))
    if (key === undefined) throw this.#malformed('has no column for the key')
    this.#keyColumn = names.indexOf(key)
    this.#columns = names.length
    this.#header = undefined
  }

  #addKey(): void {
    const length = this.#keptBytes
    if (length === 0) throw this.#malformed('has an empty key')
    let number = 0
    // 007 and 7 are different keys: what has zeros in front stays a text.
    let whole = length <= digitsMax && (this.#kept[0] !== zero || length === 1)
    for (let at = 0; whole && at < length; at++) {
      const byte = this.#kept[at]!
      whole = byte >= zero && byte <= nine
      number = number * 10 + byte - zero
    }
    if (whole) this.#trace.addNumber(number)
    else this.#trace.addText(this.#text())
  }

  #text(): string {
    return this.#decoder.decode(this.#kept.subarray(0, this.#keptBytes))
  }

  #malformed(what: string): HeirloomError {
    return new HeirloomError('io', `line ${this.#line} ${what}`, { hint: needed })
  }
}

const needed = 'a .csv trace has a header with a column lbn, obj or key, and as many fields in every line'
