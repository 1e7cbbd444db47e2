// `.lis`: a request a line, `START COUNT 0 SEQUENCE`, that reads the pages START … START+COUNT−1. Bytes come in pieces of any size.

import { HeirloomError } from '../../src/errors.ts'
import { traceRunMax } from '../../src/limits.ts'
import type { Trace } from './trace.ts'
import type { TraceParser } from './trace-parser.ts'

const [newline, carriageReturn, space, tab, zero, nine] = [10, 13, 32, 9, 48, 57] as const

export class LisParser implements TraceParser {
  readonly #trace: Trace
  #line = 1
  /** Of the line so far: whole fields, the first two of them, and the field that is being read; −1 between fields. */
  #fields = 0
  #start = 0
  #count = 0
  #value = -1

  constructor(trace: Trace) {
    this.#trace = trace
  }

  push(bytes: Uint8Array): void {
    let value = this.#value
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at]!
      if (byte >= zero && byte <= nine) {
        value = (value < 0 ? 0 : value * 10) + byte - zero
        continue
      }
      if (byte !== space && byte !== newline && byte !== tab && byte !== carriageReturn)
        throw this.#malformed('has something in it that is no number')
      if (value >= 0) {
        this.#field(value)
        value = -1
      }
      if (byte === newline) this.#endLine()
    }
    this.#value = value
  }

  end(): void {
    if (this.#value >= 0) this.#field(this.#value)
    this.#value = -1
    this.#endLine()
  }

  #field(value: number): void {
    if (value > Number.MAX_SAFE_INTEGER) throw this.#malformed('has a number that is too large')
    if (this.#fields === 0) this.#start = value
    else if (this.#fields === 1) this.#count = value
    this.#fields++
  }

  #endLine(): void {
    if (this.#fields === 4) {
      if (this.#count > traceRunMax) throw this.#malformed(`reads ${this.#count} pages at once`)
      const end = this.#start + this.#count
      for (let page = this.#start; page < end; page++) this.#trace.addNumber(page)
    } else if (this.#fields !== 0) throw this.#malformed(`has ${this.#fields} fields`)
    this.#fields = 0
    this.#line++
  }

  #malformed(what: string): HeirloomError {
    return new HeirloomError('io', `line ${this.#line} ${what}`, { hint: 'a line of a .lis trace is `START COUNT 0 SEQUENCE`' })
  }
}
