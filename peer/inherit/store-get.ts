// What one relay's store has of a handoff, fetched over as many links as it takes, and followed while more arrives there.

import { delay, type Clock } from '../../src/clock.ts'
import { asHeirloomError, HeirloomError } from '../../src/errors.ts'
import { greet, greetForData } from '../../src/lane/channel-lane.ts'
import type { DataEnd } from '../../src/lane/data-end.ts'
import type { ReceivingLane } from '../../src/lane/receiving-lane.ts'
import { shouldAvoidSockets } from '../../src/lane/socket-failure.ts'
import { retryFirstMs, retryMaxMs } from '../../src/limits/link.ts'
import { sinceAskedPacks } from '../../src/limits/preship.ts'
import type { Node } from '../../src/net/node.ts'
import { helloFrame, readWelcome } from '../../src/transfer/messages.ts'
import type { Channel } from '../../src/wire/channel.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { dataProtocol, transferProtocol } from '../../src/wire/protocols.ts'
import type { Membership } from '../membership.ts'
import type { RelayLink } from '../relay-link.ts'
import type { Restorer } from './restorer.ts'

export interface StoreGetOptions {
  readonly relay: RelayLink
  readonly node: Node
  readonly data?: DataEnd | undefined
  readonly membership: Membership
  readonly handoff: Uint8Array
  readonly epoch: number
  readonly restorer: Restorer
  /** Packs below it were sent ahead of the notice: those from it on come first. */
  readonly since: number
  readonly clock: Clock
  readonly random?: (() => number) | undefined
  readonly windowBytes: () => number
  /** How many packs have come from stores so far. */
  readonly packsMoved: () => number
  /** Makes the lane of an open channel. */
  readonly receive: (channel: Channel, onClosed: (error: HeirloomError | undefined) => void) => ReceivingLane
  readonly onUp: () => void
  readonly onFenced: () => void
  /** It has ended, or could not be opened. */
  readonly onChange: () => void
}

export class StoreGet {
  readonly #options: StoreGetOptions
  #lane: ReceivingLane | undefined
  #isEnded = false
  /** A get by data socket broke: from then on without. */
  #avoidsSockets = false

  constructor(options: StoreGetOptions) {
    this.#options = options
  }

  get lane(): ReceivingLane | undefined {
    return this.#lane
  }

  /** The relay has said that it will send no more. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  /** It may still bring something. */
  get isThere(): boolean {
    return !this.#isEnded && this.#options.relay.address !== undefined
  }

  end(): void {
    this.#isEnded = true
  }

  /** Until the relay has sent all it will, or the signal ends. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random = Math.random, onFenced, onChange } = this.#options
    let pauseMs = retryFirstMs
    while (!signal.aborted && !this.#isEnded) {
      try {
        await this.#once(signal)
        pauseMs = retryFirstMs
      } catch (thrown) {
        if (signal.aborted) return
        const error = asHeirloomError(thrown, 'link-lost')
        if (error.code === 'fenced') return onFenced()
        // The relay has nothing of it: whatever comes, comes by another way.
        if (error.code === 'not-found') this.end()
        onChange()
      }
      await delay(clock, pauseMs * (0.5 + random()), signal).catch(() => {})
      pauseMs = Math.min(2 * pauseMs, retryMaxMs)
    }
  }

  async #once(signal: AbortSignal): Promise<void> {
    const { relay, data, packsMoved, receive, since, onUp } = this.#options
    if (relay.address === undefined) throw new HeirloomError('link-lost', 'the link to the relay is down')
    const socket = relay.isDataReachable && !this.#avoidsSockets ? data : undefined
    const packsBefore = packsMoved()
    const noteFailure = (error: HeirloomError) => {
      if (socket !== undefined && shouldAvoidSockets(error, packsMoved() > packsBefore)) this.#avoidsSockets = true
    }
    const channel = await this.#open(relay.address, socket, signal).catch((thrown: unknown) => {
      noteFailure(asHeirloomError(thrown, 'link-lost'))
      throw thrown
    })
    if (signal.aborted) return channel.abort(signal.reason as HeirloomError)
    const closed = Promise.withResolvers<void>()
    const lane = receive(channel, (error) => {
      if (this.#lane === lane) this.#lane = undefined
      if (error !== undefined) noteFailure(error)
      closed.resolve()
    })
    this.#lane = lane
    if (since > 0) lane.demand({ packs: PackSet.of(Array.from({ length: sinceAskedPacks }, (_, at) => since + at)) })
    onUp()
    await closed.promise
  }

  async #open(address: string, end: DataEnd | undefined, signal: AbortSignal): Promise<Channel> {
    const { node, membership, handoff, epoch, restorer, clock, windowBytes } = this.#options
    const channel = await node.open([address], end === undefined ? transferProtocol : dataProtocol, { signal })
    const certificate = membership.certificate()
    const hello = { handoff, role: 'receives' as const, epoch, certificate, have: restorer.have, windowBytes: windowBytes() }
    try {
      if (end !== undefined) return (await greetForData({ channel, hello, end, offers: false, signal })).channel
      readWelcome(await greet(channel, helloFrame(hello), { clock, signal }))
      return channel
    } catch (thrown) {
      channel.abort(asHeirloomError(thrown, 'link-lost'))
      throw thrown
    }
  }
}
