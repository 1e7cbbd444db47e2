// The relays of a pool. A successor asks all of them; a predecessor uses one, the first in the pool's order that can be had, until it is lost.
// A relay that is lost gets a moment to come back, since what it has needn't be sent again; then the next one is used.

import type { Clock } from '../src/clock.ts'
import { asHeirloomError, HeirloomError } from '../src/errors.ts'
import { relayHeadStartMs, relayMoveAfterMs } from '../src/limits/link.ts'
import type { Response } from '../src/wire/gen/control_pb.ts'
import { RelayClient, type RelayClientOptions } from './relay-client.ts'
import type { RelayEvents, RelayLink, Verb } from './relay-link.ts'

export interface RelaysOptions extends Omit<RelayClientOptions, 'addresses'> {
  /** The relays in the pool's order, of each its addresses. */
  readonly relays: readonly (readonly string[])[]
}

export class Relays implements RelayLink, AsyncDisposable {
  /** In the pool's order. */
  readonly each: readonly RelayClient[]
  readonly #clock: Clock
  readonly #listeners = new Set<RelayEvents>()
  readonly #listening = new DisposableStack()
  readonly #stop = new AbortController()
  #current: RelayClient | undefined
  #cancelMove: (() => void) | undefined
  #links: readonly Promise<void>[] | undefined
  /** What those that aren't there failed with last. */
  readonly #failures = new Map<RelayClient, HeirloomError>()
  readonly #watching = new Set<() => void>()
  #isLate = false
  #cancelHeadStart: (() => void) | undefined

  constructor({ relays, ...options }: RelaysOptions) {
    this.#clock = options.clock
    this.each = relays.map((addresses) => new RelayClient({ ...options, addresses }))
    for (const client of this.each) {
      const events: RelayEvents = {
        enrolled: () => this.#enrolled(client),
        lost: (error) => this.#lost(client, error),
        notification: (notification) => {
          if (client === this.#current) for (const listener of this.#listeners) listener.notification?.(notification)
        },
      }
      this.#listening.use(client.listen(events))
    }
  }

  get id(): string {
    return (this.#current ?? this.each[0])?.id ?? ''
  }

  get address(): string | undefined {
    return this.#current?.address
  }

  get isDataReachable(): boolean {
    return this.#current?.isDataReachable === true
  }

  listen(events: RelayEvents): Disposable {
    this.#listeners.add(events)
    return { [Symbol.dispose]: () => void this.#listeners.delete(events) }
  }

  async request(verb: Verb, options?: { signal?: AbortSignal }): Promise<Response> {
    if (this.#current === undefined) throw new HeirloomError('link-lost', 'there is no link to a relay')
    return this.#current.request(verb, options)
  }

  /**
   * Enrols with each relay; resolves when it is known which one is used. Throws `no-relay` when none answers, or what a relay refused us with.
   * From then on all links are kept up in the background until this is disposed.
   */
  async connect({ signal }: { signal: AbortSignal }): Promise<void> {
    await this.#untilKnown(signal, () => this.#failures.size === this.each.length)
    if (this.#current === undefined)
      throw this.#refusal ?? [...this.#failures.values()][0] ?? new HeirloomError('no-relay', 'no relay was given')
  }

  /** As `connect`, but goes on trying until the signal ends, or none can be reached and a relay refuses us for good. */
  async connectPatiently({ signal }: { signal: AbortSignal }): Promise<void> {
    await this.#untilKnown(signal, () => this.#failures.size === this.each.length && this.#refusal !== undefined)
    if (this.#current === undefined) throw this.#refusal!
  }

  get #refusal(): HeirloomError | undefined {
    return [...this.#failures.values()].find(({ retryable }) => !retryable)
  }

  /** Until one is used, or `isHopeless` says that there is none. Throws the signal's reason. */
  async #untilKnown(signal: AbortSignal, isHopeless: () => boolean): Promise<void> {
    this.#begin()
    const over = Promise.withResolvers<void>()
    const look = () => {
      if (this.#current !== undefined || isHopeless()) over.resolve()
    }
    const onAbort = () => over.reject(signal.reason)
    this.#watching.add(look)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      signal.throwIfAborted()
      look()
      await over.promise
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#watching.delete(look)
    }
  }

  /** Dials all of them, for good. */
  #begin(): void {
    if (this.#links !== undefined) return
    this.#cancelHeadStart = this.#clock.after(relayHeadStartMs, () => {
      this.#isLate = true
      this.#choose()
    })
    const { signal } = this.#stop
    this.#links = this.each.map((client) =>
      client.connectPatiently({ signal }).catch((thrown: unknown) => this.#failed(client, asHeirloomError(thrown))),
    )
  }

  #failed(client: RelayClient, error: HeirloomError): void {
    this.#failures.set(client, error)
    this.#choose()
    for (const look of this.#watching) look()
  }

  /** Which is used first: the first in order, unless it can't be had, or lets those wait that are there. */
  #choose(): void {
    if (this.#current !== undefined) return
    const first = this.each.find((client) => client.address !== undefined || (!this.#isLate && !this.#failures.has(client)))
    if (first?.address !== undefined) this.#use(first)
  }

  #use(client: RelayClient): void {
    this.#cancelMove?.()
    this.#cancelMove = undefined
    this.#current = client
    for (const listener of this.#listeners) listener.enrolled?.()
    for (const look of this.#watching) look()
  }

  #enrolled(client: RelayClient): void {
    this.#failures.delete(client)
    if (this.#current === undefined) return this.#choose()
    // The one that was used is back, or one is there at last.
    if (client === this.#current || (this.#current.address === undefined && this.#cancelMove === undefined)) this.#use(client)
  }

  #lost(client: RelayClient, error: HeirloomError): void {
    if (client !== this.#current) return this.#failed(client, error)
    for (const listener of this.#listeners) listener.lost?.(error)
    // Lost once more before it was back: it can't be dialled.
    if (this.#cancelMove === undefined) this.#cancelMove = this.#clock.after(relayMoveAfterMs, () => this.#move())
    else this.#move()
  }

  /** To the next that is there; where none is, to whichever comes first. */
  #move(): void {
    this.#cancelMove?.()
    this.#cancelMove = undefined
    const next = this.each.find(({ address }) => address !== undefined)
    if (next !== undefined && next !== this.#current) this.#use(next)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new HeirloomError('aborted', 'the relays were closed'))
    this.#cancelMove?.()
    this.#cancelHeadStart?.()
    this.#listening[Symbol.dispose]()
    await Promise.all(this.each.map((client) => client[Symbol.asyncDispose]()))
    await Promise.all(this.#links ?? [])
  }
}
