// The session tokens of IMDSv2 (EC2) and of Alibaba's hardened mode: asked for with PUT, sent with every question, renewed before they
// end and when the service says 401.

import type { Question, MetadataAnswer, MetadataService, WaitOptions } from './metadata-service.ts'
import { refused } from './metadata-service.ts'
import { metadataTokenMs } from '../../src/limits/notice.ts'

const path = '/latest/api/token'

interface TokenOptions {
  /** The header that carries it; with `-ttl-seconds` behind it the one that asks for it. */
  readonly header: string
  /** Whether the service may do without. */
  readonly optional: boolean
  /** What to do when it refuses to give one. */
  readonly hint?: string
}

export class TokenSession {
  readonly #service: MetadataService
  readonly #options: TokenOptions
  #token: Promise<string | undefined> | undefined
  #endsMs = 0

  constructor(service: MetadataService, options: TokenOptions) {
    this.#service = service
    this.#options = options
  }

  /** As the service's own `ask`, with a token. Throws `unauthorised`, too. */
  async ask(question: Question, { signal }: WaitOptions): Promise<MetadataAnswer> {
    const first = this.#current(signal)
    const answer = await this.#askWith(question, await first, signal)
    if (answer.status !== 401) return answer
    // Ended early: the service was restarted, or the VM was moved. Others may have seen it before us.
    if (this.#token === first) this.#token = undefined
    return this.#askWith(question, await this.#current(signal), signal)
  }

  #askWith(question: Question, token: string | undefined, signal: AbortSignal): Promise<MetadataAnswer> {
    const headers = { ...question.headers, ...(token !== undefined && { [this.#options.header]: token }) }
    return this.#service.ask({ ...question, headers }, { signal })
  }

  #current(signal: AbortSignal): Promise<string | undefined> {
    const nowMs = this.#service.clock.monotonicMs()
    if (this.#token === undefined || nowMs >= this.#endsMs) {
      // A minute early, so that none ends on its way.
      this.#endsMs = nowMs + metadataTokenMs - 60_000
      const token = this.#fetch(signal)
      this.#token = token
      token.catch(() => {
        if (this.#token === token) this.#token = undefined
      })
    }
    return this.#token
  }

  async #fetch(signal: AbortSignal): Promise<string | undefined> {
    const { header, optional, hint } = this.#options
    const headers = { [`${header}-ttl-seconds`]: String(metadataTokenMs / 1000) }
    const answer = await this.#service.ask({ method: 'PUT', path, headers }, { signal })
    if (answer.status === 200 && /^[\x21-\x7e]{1,4096}$/.test(answer.text)) return answer.text
    if (optional && answer.status >= 400 && answer.status < 500) return undefined
    throw refused(answer, `PUT ${path}`, hint)
  }
}
