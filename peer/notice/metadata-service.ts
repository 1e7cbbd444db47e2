// A cloud's metadata service as its watchers ask it: with a time-out, a bound on the answer, and an eye on its clock.
// What a status means is the watcher's business.

import { asHeirloomError, HeirloomError } from '../../src/errors.ts'
import type { Clock } from '../../src/clock.ts'
import { metadataAnswerBytesMax, metadataSkewMs, metadataTimeoutMs } from '../../src/limits/notice.ts'
import { parseCloudDate } from './cloud-date.ts'
import type { HttpAnswer, HttpCall } from './http-call.ts'

export interface Question {
  /** Below the endpoint; begins with a slash. */
  readonly path: string
  readonly method?: 'GET' | 'PUT' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly timeoutMs?: number
}

export interface MetadataAnswer {
  readonly status: number
  /** Without white space around it. */
  readonly text: string
  header(name: string): string | undefined
  /**
   * A moment of the cloud on our monotonic clock. The cloud's deadlines are by the cloud's clock: where ours is off, the `Date` of the
   * answer says what time it is.
   */
  at(wallMs: number): number
}

export interface WaitOptions {
  readonly signal: AbortSignal
}

export class MetadataService {
  readonly endpoint: string
  readonly clock: Clock
  readonly #call: HttpCall

  constructor({ endpoint, clock, call }: { endpoint: string; clock: Clock; call: HttpCall }) {
    this.endpoint = endpoint.replace(/\/+$/, '')
    this.clock = clock
    this.#call = call
  }

  /** Throws `timeout`, `too-large`, `link-lost` when nobody answers or the answer breaks off, or the signal's reason. */
  async ask(question: Question, { signal }: WaitOptions): Promise<MetadataAnswer> {
    signal.throwIfAborted()
    const { path, method = 'GET', headers = {}, body, timeoutMs = metadataTimeoutMs } = question
    const over = new AbortController()
    const cancel = this.clock.after(timeoutMs, () =>
      over.abort(new HeirloomError('timeout', `${this.endpoint}${path} gave no answer within ${timeoutMs} ms`)),
    )
    try {
      const limited = AbortSignal.any([signal, over.signal])
      const answer = await this.#call(`${this.endpoint}${path}`, { method, headers, signal: limited, ...(body !== undefined && { body }) })
      const text = (await readText(answer, path)).trim()
      return { status: answer.status, text, header: (name) => answer.header(name), at: this.#timeOf(answer) }
    } catch (thrown) {
      signal.throwIfAborted()
      over.signal.throwIfAborted()
      if (thrown instanceof HeirloomError) throw thrown
      const { message } = asHeirloomError(thrown)
      const code = (thrown as { code?: unknown } | null)?.code
      throw new HeirloomError('link-lost', `${this.endpoint} can't be asked: ${message || String(code)}`, { cause: thrown })
    } finally {
      cancel()
    }
  }

  #timeOf(answer: HttpAnswer): (wallMs: number) => number {
    const localMs = this.clock.nowMs()
    const dateMs = parseCloudDate(answer.header('date'))
    const cloudMs = dateMs !== undefined && Math.abs(dateMs - localMs) > metadataSkewMs ? dateMs : localMs
    const hereMs = this.clock.monotonicMs()
    return (wallMs) => hereMs + (wallMs - cloudMs)
  }
}

/** What a status that a watcher has no use for says. */
export function refused({ status }: MetadataAnswer, path: string, hint?: string): HeirloomError {
  return new HeirloomError(status === 401 || status === 403 ? 'unauthorised' : 'link-lost', `status ${status} for ${path}`, {
    ...(hint !== undefined && { hint }),
  })
}

/** Throws `malformed` for what is no JSON. */
export function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch (thrown) {
    throw unreadable(path, thrown)
  }
}

/** An answer that is none of those that the cloud's documents know. */
export function unreadable(path: string, cause?: unknown): HeirloomError {
  return new HeirloomError('malformed', `the answer for ${path} can't be read`, { cause })
}

/** The field of an object that came from outside. */
export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

async function readText({ body }: HttpAnswer, path: string): Promise<string> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of body) {
    bytes += piece.byteLength
    if (bytes > metadataAnswerBytesMax)
      throw new HeirloomError('too-large', `the answer for ${path} is over ${metadataAnswerBytesMax} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}
