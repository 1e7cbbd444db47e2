// `.lis`: a request a line, `START COUNT 0 SEQUENCE`, that reads the pages START … START+COUNT−1. Bytes come in pieces of any size.

import { HeirloomError } from '../../src/errors.ts'
import { traceRunMax } from '../../src/limits/plan.ts'
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
    // The line's state lives in local variables meanwhile: this loop is what reading a trace costs.
    let [value, fields, start, count] = [this.#value, this.#fields, this.#start, this.#count]
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at]!
      if (byte >= zero && byte <= nine) {
        value = value < 0 ? byte - zero : value * 10 + byte - zero
        continue
      }
      if (value >= 0) {
        if (value > Number.MAX_SAFE_INTEGER) throw this.#malformed('has a number that is too large')
        if (fields === 0) start = value
        else if (fields === 1) count = value
        fields++
        value = -1
      }
      if (byte === newline) {
        if (fields > 0) this.#request(fields, start, count)
        fields = 0
        this.#line++
      } else if (byte !== space && byte !== tab && byte !== carriageReturn) throw this.#malformed('has something in it that is no number')
    }
    this.#value = value
    this.#fields = fields
    this.#start = start
    this.#count = count
  }

  end(): void {
    this.push(Uint8Array.of(newline))
  }

  #request(fields: number, start: number, count: number): void {
    if (fields !== 4) throw this.#malformed(`has ${fields} field${fields === 1 ? '' : 's'}`)
    // Beyond it the next page would be the same number again.
    if (start + count > Number.MAX_SAFE_INTEGER) throw this.#malformed('has a number that is too large')
    if (count > traceRunMax) throw this.#malformed(`reads ${count} pages at once`)
    for (let page = start; page < start + count; page++) this.#trace.addNumber(page)
  }

  #malformed(what: string): HeirloomError {
    return new HeirloomError('io', `line ${this.#line} ${what}`, { hint: 'a line of a .lis trace is `START COUNT 0 SEQUENCE`' })
  }
}
