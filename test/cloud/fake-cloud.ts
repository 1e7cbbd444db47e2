// The metadata services of all clouds, one at a time: their paths, their headers, their tokens, their held questions, their dates, and
// whatever can go wrong with them. Answers in memory; metadata-server.ts puts it on a port.

import { announce, type Announcement } from './announcement.ts'
import { endpoints, type FakeCloudKind } from './endpoints.ts'

export interface FakeRequest {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string
  readonly signal: AbortSignal
}

export interface FakeAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

/** What goes wrong: a status, silence, a connection that breaks, or an answer that is none. */
export type Fault = number | 'silent' | 'reset' | 'empty' | 'garbage' | 'huge'

const seenMax = 10_000

export class FakeCloud {
  readonly kind: FakeCloudKind
  /** How far its clock is ahead of ours. */
  aheadMs = 0
  /** Whether its answers say what time it is. */
  tellsDate = true
  readonly seen: FakeRequest[] = []
  readonly #nowMs: () => number
  readonly #values = new Map<string, { text: string; etag: string }>()
  readonly #tokens = new Set<string>()
  readonly #faults = new Map<string, Fault>()
  readonly #changed = new Set<() => void>()
  readonly #listeners = new Set<{ part: string; resolve: () => void }>()
  #version = 0

  constructor(kind: FakeCloudKind, nowMs: () => number = Date.now) {
    this.kind = kind
    this.#nowMs = nowMs
    for (const [path, text] of Object.entries(endpoints[kind].values)) this.set(path, text)
  }

  /** By its own clock. */
  nowMs(): number {
    return this.#nowMs() + this.aheadMs
  }

  /** What stands at a path from now on. */
  set(path: string, text: string): void {
    this.#values.set(path, { text, etag: `etag${++this.#version}` })
    this.#wake()
  }

  clear(path: string): void {
    this.#values.delete(path)
    this.#wake()
  }

  value(path: string): string | undefined {
    return this.#values.get(path)?.text
  }

  /** Announces in the cloud's own words that the VM goes, so long from now. Throws when the cloud has no such announcement. */
  raise(what: Announcement, inMs: number): void {
    const { path, text } = announce(this, what, inMs)
    this.set(path, text)
  }

  /** Takes everything back. */
  withdraw(): void {
    for (const path of this.#values.keys()) if (!(path in endpoints[this.kind].values)) this.clear(path)
    for (const [path, text] of Object.entries(endpoints[this.kind].values)) if (this.value(path) !== text) this.set(path, text)
  }

  /** Until `mend`, for paths that contain `part`. */
  breakDown(fault: Fault, part = ''): void {
    this.#faults.set(part, fault)
    this.#wake()
  }

  mend(): void {
    this.#faults.clear()
    this.#wake()
  }

  expireTokens(): void {
    this.#tokens.clear()
  }

  /** How often a path was asked for. */
  asked(part: string): number {
    return this.seen.filter(({ path }) => path.includes(part)).length
  }

  /** Resolves when a path that contains `part` is asked for, and what it is answered is settled. */
  nextAsked(part: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#listeners.add({ part, resolve })
    return promise
  }

  /** Undefined: the connection breaks. Rejects when the signal is aborted first. */
  async handle(request: FakeRequest): Promise<FakeAnswer | undefined> {
    if (this.seen.length < seenMax) this.seen.push(request)
    for (const listener of this.#listeners) {
      if (!request.path.includes(listener.part)) continue
      this.#listeners.delete(listener)
      listener.resolve()
    }
    const url = new URL(request.path, 'http://fake')
    const path = url.pathname
    for (;;) {
      request.signal.throwIfAborted()
      const fault = [...this.#faults].find(([part]) => request.path.includes(part))?.[1]
      if (fault === 'silent') {
        await this.#change(request.signal)
        continue
      }
      if (fault !== undefined) return this.#broken(fault)
      const refused = this.#refusal(request, path)
      if (refused !== undefined) return refused
      if (request.method === 'POST') return this.#start(path, request.body)
      const value = this.#values.get(path)
      if (value === undefined) return this.#answer(404, 'not found')
      if (!this.#mayHold(url, value.etag)) return this.#answer(200, value.text, { etag: value.etag })
      await this.#change(request.signal)
    }
  }

  #mayHold({ searchParams }: URL, etag: string): boolean {
    return this.kind === 'gcp' && searchParams.get('wait_for_change') === 'true' && searchParams.get('last_etag') === etag
  }

  #refusal({ method, headers }: FakeRequest, path: string): FakeAnswer | undefined {
    const { token, header } = endpoints[this.kind]
    if (header !== undefined && headers[header.name] !== header.value) return this.#answer(header.otherwise, 'a header is missing')
    if (token === undefined) return method === 'PUT' ? this.#answer(404, 'not found') : undefined
    if (method === 'PUT' && path === '/latest/api/token') {
      if (headers[`${token.header}-ttl-seconds`] === undefined) return this.#answer(400, 'bad request')
      const fresh = `token-${++this.#version}==`
      this.#tokens.add(fresh)
      return this.#answer(200, fresh)
    }
    const sent = headers[token.header]
    if (sent === undefined ? !token.required : this.#tokens.has(sent)) return undefined
    return this.#answer(401, 'unauthorized')
  }

  /** Azure's leave to go on with an event. */
  #start(path: string, body: string): FakeAnswer {
    const value = this.#values.get(path)
    if (this.kind !== 'azure' || value === undefined) return this.#answer(404, 'not found')
    const { StartRequests } = JSON.parse(body) as { StartRequests: { EventId: string }[] }
    const list = JSON.parse(value.text) as { Events: { EventId: string; EventStatus: string; NotBefore: string }[] }
    for (const event of list.Events) {
      if (!StartRequests.some(({ EventId }) => EventId === event.EventId)) continue
      event.EventStatus = 'Started'
      event.NotBefore = ''
    }
    this.set(path, JSON.stringify(list))
    return this.#answer(200, '')
  }

  #broken(fault: Exclude<Fault, 'silent'>): FakeAnswer | undefined {
    if (fault === 'reset') return undefined
    if (typeof fault === 'number') return this.#answer(fault, 'broken')
    return this.#answer(200, { empty: '', garbage: '<html>{"not": "what it should be"', huge: 'x'.repeat(1 << 20) }[fault])
  }

  #answer(status: number, text: string, headers: Record<string, string> = {}): FakeAnswer {
    return {
      status,
      text,
      headers: {
        ...headers,
        ...(this.kind === 'gcp' && { 'metadata-flavor': 'Google' }),
        ...(this.tellsDate && { date: new Date(this.nowMs()).toUTCString() }),
      },
    }
  }

  #wake(): void {
    for (const wake of this.#changed) wake()
  }

  async #change(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const wake = () => resolve()
    this.#changed.add(wake)
    signal.addEventListener('abort', wake, { once: true })
    await promise
    this.#changed.delete(wake)
    signal.removeEventListener('abort', wake)
  }
}
