// Keeps the lanes of one handoff up: one to the heir whenever there is one, one to the relay's store. Each is dialled again, with
// a growing pause, until it is refused for good or the handoff is over.

import { delay, type Clock } from '../../src/clock.ts'
import { asHeirloomError, HeirloomError } from '../../src/errors.ts'
import { openChannelLane } from '../../src/lane/channel-lane.ts'
import type { LaneEvents, LaneKind, SendingLane } from '../../src/lane/lane.ts'
import { laneGoodbyeMs, retryFirstMs, retryMaxMs } from '../../src/limits.ts'
import type { Node } from '../../src/net/node.ts'
import type { WelcomeMessage } from '../../src/transfer/messages.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { transferProtocol } from '../../src/wire/protocols.ts'

/** Where a lane leads: whom to dial, and how to know that it is them. */
export interface LaneTarget {
  readonly kind: LaneKind
  readonly addresses: readonly string[]
  readonly epoch: number
  readonly checkWelcome?: (welcome: WelcomeMessage) => void
}

export interface LaneKeeperOptions {
  readonly node: Node
  readonly clock: Clock
  readonly handoff: Uint8Array
  readonly certificate: () => Uint8Array
  readonly onUp: (lane: SendingLane) => void
  readonly onDown: (lane: SendingLane, error: HeirloomError | undefined) => void
  readonly onAcknowledged: (lane: SendingLane, numbers: readonly number[]) => void
  readonly onDemanded: (lane: SendingLane, packs: PackSet) => void
  readonly onRoom: () => void
  /** An attempt to open a lane failed; `final` when there won't be another one. */
  readonly onRefused: (kind: LaneKind, error: HeirloomError, final: boolean) => void
  readonly random?: () => number
}

export class LaneKeeper {
  readonly #options: LaneKeeperOptions

  constructor(options: LaneKeeperOptions) {
    this.#options = options
  }

  /** Keeps one lane up until the signal ends or it is refused for good. Never throws. */
  async keep(target: () => LaneTarget | undefined, signal: AbortSignal): Promise<void> {
    let pauseMs = retryFirstMs
    while (!signal.aborted) {
      const to = target()
      if (to === undefined) return
      try {
        const { over } = await this.#open(to, signal)
        pauseMs = retryFirstMs
        const error = await over
        if (error !== undefined && !error.retryable) return this.#options.onRefused(to.kind, error, true)
      } catch (thrown) {
        if (signal.aborted) return
        const error = asHeirloomError(thrown, 'link-lost')
        this.#options.onRefused(to.kind, error, !error.retryable)
        if (!error.retryable) return
      }
      const jittered = pauseMs * (0.5 + (this.#options.random ?? Math.random)())
      await delay(this.#options.clock, jittered, signal).catch(() => {})
      pauseMs = Math.min(2 * pauseMs, retryMaxMs)
    }
  }

  /** Opens the lane; `over` resolves when it has closed. */
  async #open(
    { kind, addresses, epoch, checkWelcome }: LaneTarget,
    signal: AbortSignal,
  ): Promise<{ over: Promise<HeirloomError | undefined> }> {
    const { node, clock, handoff, certificate, onUp, onDown, onAcknowledged, onDemanded, onRoom } = this.#options
    if (addresses.length === 0) throw new HeirloomError('link-lost', 'it is not known yet where this lane leads')
    const channel = await node.open(addresses, transferProtocol, { signal })
    const over = Promise.withResolvers<HeirloomError | undefined>()
    // The lane exists before anything can happen on it: its events come after its welcome.
    const opened: { lane?: SendingLane } = {}
    const events: LaneEvents = {
      acknowledged: (numbers) => onAcknowledged(opened.lane!, numbers),
      demanded: (packs) => onDemanded(opened.lane!, packs),
      room: onRoom,
      closed: (error) => {
        if (opened.lane !== undefined) onDown(opened.lane, error)
        over.resolve(error)
      },
    }
    const hello = { handoff, role: 'sends' as const, epoch, certificate: certificate(), have: new PackSet(), windowBytes: 0 }
    const lane = await openChannelLane({ kind, channel, hello, events, clock, signal, ...(checkWelcome && { checkWelcome }) })
    opened.lane = lane
    const onAbort = () => {
      void lane.close()
      // A side that doesn't answer any more mustn't hold up the end.
      const cancel = clock.after(laneGoodbyeMs, () => lane.abort(new HeirloomError('link-lost', 'the other side did not end the stream')))
      void over.promise.then(cancel)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    void over.promise.then(() => signal.removeEventListener('abort', onAbort))
    onUp(lane)
    return { over: over.promise }
  }
}
