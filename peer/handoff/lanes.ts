// Keeps the lanes of one handoff up: those to the heir whenever there is one, one to the relay's store. Each is dialled again, with
// a growing pause, until it is refused for good or the handoff is over. What fails by data sockets alone costs speed and nothing else.

import { delay, type Clock } from '../../src/clock.ts'
import { asHeirloomError, HeirloomError } from '../../src/errors.ts'
import { openChannelLane } from '../../src/lane/channel-lane.ts'
import type { DataEnd } from '../../src/lane/data-end.ts'
import type { LaneEvents, LaneKind, SendingLane } from '../../src/lane/lane.ts'
import { shouldAvoidSockets } from '../../src/lane/socket-failure.ts'
import { dataSocketAttemptsMax, laneGoodbyeMs } from '../../src/limits/lane.ts'
import { retryFirstMs, retryMaxMs } from '../../src/limits/link.ts'
import type { Node } from '../../src/net/node.ts'
import type { DemandMessage } from '../../src/transfer/demand.ts'
import type { WelcomeMessage } from '../../src/transfer/messages.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { dataProtocol, transferProtocol } from '../../src/wire/protocols.ts'
import type { RelayLink } from '../relay-link.ts'
import { isPassingAtRelay } from '../relay-trouble.ts'

/** Where a lane leads: whom to dial, and how to know that it is them. */
export interface LaneTarget {
  readonly kind: LaneKind
  /** Whether its packs are to take a data socket. */
  readonly bySocket: boolean
  readonly addresses: readonly string[]
  readonly epoch: number
  readonly checkWelcome?: (welcome: WelcomeMessage) => void
}

/** The relay's store, which takes packs when the relay knows the handoff, and none when it was refused; they take a data socket where its data port can be reached. */
export function storeTarget(
  { relay, data }: { readonly relay: RelayLink; readonly data?: DataEnd | undefined },
  { isKnown, isRefused }: { readonly isKnown: boolean; readonly isRefused: boolean },
): LaneTarget | undefined {
  if (isRefused) return undefined
  const bySocket = data !== undefined && relay.isDataReachable
  return { kind: 'store', bySocket, addresses: relay.address === undefined || !isKnown ? [] : [relay.address], epoch: 0 }
}

export interface LaneKeeperOptions {
  readonly node: Node
  readonly clock: Clock
  readonly data?: DataEnd | undefined
  readonly handoff: Uint8Array
  readonly certificate: () => Uint8Array
  readonly onUp: (lane: SendingLane) => void
  readonly onDown: (lane: SendingLane, error: HeirloomError | undefined) => void
  readonly onAcknowledged: (lane: SendingLane, numbers: readonly number[]) => void
  readonly onDemanded: (lane: SendingLane, demand: DemandMessage) => void
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
    const { clock, onRefused, random = Math.random } = this.#options
    let pauseMs = retryFirstMs
    let socketsFailed = 0
    while (!signal.aborted) {
      const to = target()
      if (to === undefined) return
      // Only the fast lane is nothing without a socket.
      const bySocket = to.bySocket && (to.kind === 'fast' || socketsFailed === 0)
      const attempt = await this.#once(to, bySocket, signal)
      if (signal.aborted) return
      const { error, wasUp } = attempt
      if (wasUp) pauseMs = retryFirstMs
      if (isOfSocket(to.kind, attempt)) socketsFailed++
      else if (error !== undefined && !mayPass(to.kind, error)) return onRefused(to.kind, error, true)
      if (to.kind === 'fast' && socketsFailed >= dataSocketAttemptsMax) {
        const cause = error
        return onRefused(
          'fast',
          new HeirloomError('link-lost', `given up after ${socketsFailed} data sockets: ${cause?.message}`, { cause }),
          true,
        )
      }
      if (error !== undefined && (!wasUp || !error.retryable)) onRefused(to.kind, error, false)
      await delay(clock, pauseMs * (0.5 + random()), signal).catch(() => {})
      pauseMs = Math.min(2 * pauseMs, retryMaxMs)
    }
  }

  /** One lane, from its opening to its end. Never throws. */
  async #once(to: LaneTarget, bySocket: boolean, signal: AbortSignal): Promise<Attempt> {
    const attempt: Attempt = { bySocket, wasReached: false, wasUp: false, packsMoved: false }
    try {
      const { over } = await this.#open(to, attempt, signal)
      attempt.wasUp = true
      return { ...attempt, error: await over, packsMoved: attempt.packsMoved }
    } catch (thrown) {
      return { ...attempt, error: asHeirloomError(thrown, 'link-lost') }
    }
  }

  /** Opens the lane; `over` resolves when it has closed. */
  async #open(
    { kind, addresses, epoch, checkWelcome }: LaneTarget,
    attempt: Attempt,
    signal: AbortSignal,
  ): Promise<{ over: Promise<HeirloomError | undefined> }> {
    const { node, clock, data, handoff, certificate, onUp, onDown, onAcknowledged, onDemanded, onRoom } = this.#options
    if (addresses.length === 0) throw new HeirloomError('link-lost', 'it is not known yet where this lane leads')
    const socket = attempt.bySocket && data !== undefined ? { end: data, needsKey: kind === 'store' } : undefined
    const channel = await node.open(addresses, socket === undefined ? transferProtocol : dataProtocol, { signal })
    attempt.wasReached = true
    const over = Promise.withResolvers<HeirloomError | undefined>()
    const opened: { lane?: SendingLane } = {}
    // An heir may demand something right after its welcome, which comes while the lane is being made. Nothing else can come so early.
    const early: DemandMessage[] = []
    const events: LaneEvents = {
      acknowledged: (numbers) => {
        attempt.packsMoved = true
        onAcknowledged(opened.lane!, numbers)
      },
      demanded: (demand) => (opened.lane === undefined ? early.push(demand) : onDemanded(opened.lane, demand)),
      room: onRoom,
      closed: (error) => {
        if (opened.lane !== undefined) onDown(opened.lane, error)
        over.resolve(error)
      },
    }
    const hello = { handoff, role: 'sends' as const, epoch, certificate: certificate(), have: new PackSet(), windowBytes: 0 }
    const more = { ...(checkWelcome && { checkWelcome }), ...(socket && { data: socket }) }
    const lane = await openChannelLane({ kind, channel, hello, events, clock, signal, ...more })
    if (signal.aborted) {
      lane.abort(asHeirloomError(signal.reason))
      throw signal.reason
    }
    opened.lane = lane
    const onAbort = () => {
      const why = asHeirloomError(signal.reason)
      // What a former heir says it has is nothing to the next one; at the end of the handoff it may still say it.
      if (why.code !== 'aborted') return lane.abort(why)
      void lane.close()
      // A side that doesn't answer any more mustn't hold up the end.
      const cancel = clock.after(laneGoodbyeMs, () => lane.abort(new HeirloomError('link-lost', 'the other side did not end the stream')))
      void over.promise.then(cancel)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    void over.promise.then(() => signal.removeEventListener('abort', onAbort))
    onUp(lane)
    for (const demand of early) onDemanded(lane, demand)
    return { over: over.promise }
  }
}

interface Attempt {
  readonly bySocket: boolean
  /** The other side's node was reached. */
  wasReached: boolean
  wasUp: boolean
  packsMoved: boolean
  readonly error?: HeirloomError | undefined
}

/** Whether the data socket is to blame for the end of an attempt. */
function isOfSocket(kind: LaneKind, { bySocket, wasReached, packsMoved, error }: Attempt): boolean {
  if (!bySocket || !wasReached || error === undefined) return false
  // The fast lane has the stream beside it: it is tried again whatever broke it, and given up for what trying again can't help.
  return kind === 'fast' ? error.code === 'link-lost' || error.code === 'timeout' : shouldAvoidSockets(error, packsMoved)
}

/** Whether opening the lane again may help. What an heir fails with it gives the handoff back for; a relay's trouble passes. */
function mayPass(kind: LaneKind, error: HeirloomError): boolean {
  return kind === 'store' ? isPassingAtRelay(error) : error.retryable
}
