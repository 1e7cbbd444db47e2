// A peer's control link to one relay: requests with answers, notifications, and a link that is taken up again when it is lost.
// Whoever needs the relay's state after a reconnection repeats its verbs in `onEnrolled`: every verb may be repeated.

import { create, toBinary } from '@bufbuild/protobuf'
import { delay, type Clock } from '../src/clock.ts'
import { asHeirloomError, errorFromStatus, HeirloomError } from '../src/errors.ts'
import { probeData } from '../src/lane/data-dial.ts'
import { requestsOpenMax, requestTimeoutMs, retryFirstMs, retryMaxMs } from '../src/limits/link.ts'
import { parseAddress, type Node } from '../src/net/node.ts'
import { factsMessage, type Facts } from '../src/wire/facts.ts'
import { decodeMessage, readFailure } from '../src/transfer/messages.ts'
import type { Channel } from '../src/wire/channel.ts'
import { frameType, makeFrame, type Frame } from '../src/wire/frame.ts'
import { RelayMessageSchema, RequestSchema, type Enrolled, type Response } from '../src/wire/gen/control_pb.ts'
import { controlProtocol } from '../src/wire/protocols.ts'
import type { RelayEvents, RelayLink, Verb } from './relay-link.ts'

export interface RelayClientOptions {
  readonly node: Node
  /** Multiaddrs of one relay in the order in which they are tried. */
  readonly addresses: readonly string[]
  /** Called for every enrolment, since certificates expire. */
  readonly certificate: () => Uint8Array
  /** What this peer says of itself, at every enrolment and with every renewal of its lease. */
  readonly facts?: () => Facts
  readonly clock: Clock
  readonly random?: () => number
}

export class RelayClient implements RelayLink, AsyncDisposable {
  readonly id: string
  readonly #options: RelayClientOptions
  readonly #listeners = new Set<RelayEvents>()
  readonly #open = new Map<number, PromiseWithResolvers<Response>>()
  readonly #stop = new AbortController()
  #channel: Channel | undefined
  #address: string | undefined
  #enrolled: Enrolled | undefined
  #nextId = 1
  #running: Promise<void> | undefined
  #probing: Promise<void> | undefined
  #isDataReachable = false

  constructor(options: RelayClientOptions) {
    this.#options = options
    this.id = parseAddress(options.addresses[0]!).peer
  }

  get address(): string | undefined {
    return this.#enrolled === undefined ? undefined : this.#address
  }

  get isDataReachable(): boolean {
    return this.address !== undefined && this.#isDataReachable
  }

  /** What the relay said at the last enrolment. */
  get terms(): Enrolled | undefined {
    return this.#enrolled
  }

  listen(events: RelayEvents): Disposable {
    this.#listeners.add(events)
    return { [Symbol.dispose]: () => void this.#listeners.delete(events) }
  }

  /**
   * Dials and enrols once; throws `no-relay` when no address answers, or what the relay refused us with.
   * From then on the link is kept up in the background until the client is disposed.
   */
  async connect({ signal }: { signal: AbortSignal }): Promise<void> {
    await this.#connectOnce(AbortSignal.any([signal, this.#stop.signal]))
    this.#running ??= this.#keepUp()
  }

  /** As `connect`, but goes on trying until the signal ends or the relay refuses us for good. */
  async connectPatiently({ signal }: { signal: AbortSignal }): Promise<void> {
    for (let pauseMs = retryFirstMs; ; pauseMs = Math.min(2 * pauseMs, retryMaxMs)) {
      try {
        return await this.connect({ signal })
      } catch (thrown) {
        const error = asHeirloomError(thrown)
        if (signal.aborted || !error.retryable) throw error
        for (const listener of this.#listeners) listener.lost?.(error)
        await delay(this.#options.clock, this.#jittered(pauseMs), signal)
      }
    }
  }

  async request(verb: Verb, { signal }: { signal?: AbortSignal } = {}): Promise<Response> {
    const channel = this.#channel
    if (channel === undefined) throw new HeirloomError('link-lost', 'the link to the relay is down')
    if (this.#open.size >= requestsOpenMax) throw new HeirloomError('busy', 'too many requests are open to the relay')
    const id = this.#nextId++ >>> 0
    const answer = Promise.withResolvers<Response>()
    this.#open.set(id, answer)
    const cancel = this.#options.clock.after(requestTimeoutMs, () =>
      channel.abort(new HeirloomError('timeout', 'the relay did not answer')),
    )
    const onAbort = () => answer.reject(signal!.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      channel.send(makeFrame(frameType.request, toBinary(RequestSchema, create(RequestSchema, { id, verb }))))
      const response = await answer.promise
      if (response.status !== 0) throw errorFromStatus(response.status, response.detail, response)
      return response
    } finally {
      cancel()
      signal?.removeEventListener('abort', onAbort)
      this.#open.delete(id)
    }
  }

  async #connectOnce(signal: AbortSignal): Promise<void> {
    let refusal: HeirloomError | undefined
    for (const address of this.#options.addresses) {
      try {
        return await this.#enrol(address, signal)
      } catch (thrown) {
        signal.throwIfAborted()
        const error = asHeirloomError(thrown, 'link-lost')
        if (refusal === undefined || (!error.retryable && refusal.retryable)) refusal = error
      }
    }
    if (refusal !== undefined && !refusal.retryable) throw refusal
    throw new HeirloomError('no-relay', `no relay is reachable: ${refusal?.message ?? 'none was given'}`, {
      cause: refusal,
      hint: refusal?.hint ?? 'check the relay addresses, and that heirloom-relay is running there',
    })
  }

  async #enrol(address: string, signal: AbortSignal): Promise<void> {
    const channel = await this.#options.node.open([address], controlProtocol, { signal })
    this.#channel = channel
    channel.onFrame((frame) => this.#take(frame))
    void channel.closed.then((error) => this.#lost(channel, error))
    try {
      const enrol = { certificate: this.#options.certificate(), addresses: this.#options.node.addresses(), ...this.#facts() }
      const response = await this.request({ case: 'enrol', value: { $typeName: 'heirloom.wire.v1.Enrol', ...enrol } }, { signal })
      if (response.result.case !== 'enrolled') throw new HeirloomError('malformed', 'the relay answered an enrolment with something else')
      this.#enrolled = response.result.value
      this.#address = address
      this.#probing = this.#probe(channel, response.result.value)
      for (const listener of this.#listeners) listener.enrolled?.()
    } catch (thrown) {
      channel.abort(asHeirloomError(thrown, 'link-lost'))
      throw thrown
    }
  }

  #facts() {
    const { facts } = this.#options
    return facts && { facts: factsMessage(facts()) }
  }

  /** In the background: nobody waits for what is only faster. */
  async #probe(channel: Channel, { dataPort }: Enrolled): Promise<void> {
    this.#isDataReachable = false
    const host = channel.remoteHost
    if (dataPort < 1 || dataPort > 65_535 || host === undefined) return
    const answers = await probeData({ host, port: dataPort }, this.#options.clock, this.#stop.signal)
    if (this.#channel === channel) this.#isDataReachable = answers
  }

  /** Renews the lease while the link is up, and dials again when it is lost. */
  async #keepUp(): Promise<void> {
    const { clock } = this.#options
    const { signal } = this.#stop
    let pauseMs = retryFirstMs
    while (!signal.aborted) {
      try {
        if (this.#enrolled === undefined) await this.#connectOnce(signal)
        pauseMs = retryFirstMs
        await this.#pauseOrLoss(Number(this.#enrolled!.leaseMs) / 3)
        if (this.#enrolled !== undefined)
          await this.request({ case: 'renew', value: { $typeName: 'heirloom.wire.v1.Renew', ...this.#facts() } })
      } catch (thrown) {
        if (signal.aborted) return
        const error = asHeirloomError(thrown, 'link-lost')
        for (const listener of this.#listeners) listener.lost?.(error)
        await delay(clock, this.#jittered(pauseMs), signal).catch(() => {})
        pauseMs = Math.min(2 * pauseMs, retryMaxMs)
      }
    }
  }

  #pauseOrLoss(pauseMs: number): Promise<unknown> {
    const over = new AbortController()
    const pause = delay(this.#options.clock, pauseMs, AbortSignal.any([over.signal, this.#stop.signal])).catch(() => {})
    return Promise.race([pause, this.#channel?.closed]).finally(() => over.abort())
  }

  #jittered(pauseMs: number): number {
    return pauseMs * (0.5 + (this.#options.random ?? Math.random)())
  }

  #take(frame: Frame): void {
    if (frame.type === frameType.failure) throw readFailure(frame)
    if (frame.type !== frameType.relayMessage) throw new HeirloomError('malformed', `the relay sent a frame of type ${frame.type}`)
    const { message } = decodeMessage(RelayMessageSchema, frame)
    if (message.case === 'response') this.#open.get(message.value.id)?.resolve(message.value)
    else if (message.case === 'notification') for (const listener of this.#listeners) listener.notification?.(message.value)
  }

  #lost(channel: Channel, error: Error | undefined): void {
    if (this.#channel !== channel) return
    this.#channel = undefined
    const wasEnrolled = this.#enrolled !== undefined
    this.#enrolled = undefined
    const why = error === undefined ? new HeirloomError('link-lost', 'the relay closed the link') : asHeirloomError(error, 'link-lost')
    for (const answer of this.#open.values()) answer.reject(why)
    this.#options.node.hangUp(this.id)
    if (wasEnrolled) for (const listener of this.#listeners) listener.lost?.(why)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new HeirloomError('aborted', 'the relay client was closed'))
    await this.#channel?.close()
    await Promise.all([this.#running, this.#probing])
  }
}
