// Waiting as a successor: the relays are asked, all of them, and one assigns a handoff at once or when one comes. Waiting survives lost links, since it is
// repeated.

import type { Clock } from '../../src/clock.ts'
import { Deadline } from '../../src/deadline.ts'
import { asHeirloomError, type HeirloomError } from '../../src/errors.ts'
import { retryMaxMs } from '../../src/limits/link.ts'
import type { Assignment } from '../../src/wire/gen/control_pb.ts'
import type { RelayLink } from '../relay-link.ts'
import { isPassingAtRelay } from '../relay-trouble.ts'

export interface WaitForOptions<Relay extends RelayLink> {
  readonly relays: readonly Relay[]
  readonly clock: Clock
  readonly waitMs: number
  readonly signal: AbortSignal
  /** Every relay that is there has answered that there is nothing to inherit yet. */
  readonly onNothing?: () => void
}

export interface Assigned<Relay extends RelayLink> {
  readonly assignment: Assignment
  /** Who gave it. */
  readonly relay: Relay
}

/**
 * The first assignment, or undefined when none came in time. The relays that have given none are told that we don't wait any more; what one of them gives
 * meanwhile, it gives again when it is asked again. Throws what a relay refuses us with, when no other one is left.
 */
export async function waitForAssignment<Relay extends RelayLink>(options: WaitForOptions<Relay>): Promise<Assigned<Relay> | undefined> {
  const { relays, clock, waitMs, signal, onNothing } = options
  const assigned = Promise.withResolvers<Assigned<Relay> | undefined>()
  const asking = new Set(relays)
  const unheard = new Set(relays.filter(({ address }) => address !== undefined))
  const heard = (relay: Relay) => {
    unheard.delete(relay)
    if (unheard.size === 0) onNothing?.()
  }
  const take = (relay: Relay, assignment: Assignment) => assigned.resolve({ relay, assignment })
  const refused = (relay: Relay, error: HeirloomError) => {
    asking.delete(relay)
    if (asking.size === 0) assigned.reject(error)
  }
  using asked = new DisposableStack()
  for (const relay of relays) {
    asked.use(
      askAt(relay, {
        clock,
        signal,
        onAssigned: (assignment) => take(relay, assignment),
        onNothing: () => heard(relay),
        onRefused: (error) => refused(relay, error),
      }),
    )
  }
  using wait = Deadline.after(clock, waitMs).signal(signal)
  wait.signal.addEventListener('abort', () => (signal.aborted ? assigned.reject(signal.reason) : assigned.resolve(undefined)), {
    once: true,
  })
  const found = await assigned.promise
  asked.dispose()
  const others = relays.filter((relay) => relay !== found?.relay && relay.address !== undefined)
  const leaving = others.map((relay) => relay.request({ case: 'leave', value: { $typeName: 'heirloom.wire.v1.Leave' } }).catch(() => {}))
  // What is to be inherited waits for nobody.
  if (found === undefined) await Promise.all(leaving)
  return found
}

interface Asking {
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly onAssigned: (assignment: Assignment) => void
  readonly onNothing: () => void
  readonly onRefused: (error: HeirloomError) => void
}

/** Waits at one relay, over as many links as it takes, until it is disposed. */
function askAt(relay: RelayLink, { clock, signal, onAssigned, onNothing, onRefused }: Asking): Disposable {
  let cancel: (() => void) | undefined
  let isOver = false
  const ask = async () => {
    try {
      const { result } = await relay.request({ case: 'wait', value: { $typeName: 'heirloom.wire.v1.Wait' } }, { signal })
      if (result.case === 'assignment') onAssigned(result.value)
      else onNothing()
    } catch (thrown) {
      const error = asHeirloomError(thrown)
      if (!isPassingAtRelay(error) && !isFull(error)) return onRefused(error)
      cancel?.()
      if (!isOver) cancel = clock.after(retryMaxMs, () => void (relay.address !== undefined && ask()))
    }
  }
  const listening = relay.listen({
    enrolled: () => void ask(),
    notification: ({ event }) => {
      if (event.case === 'assigned') onAssigned(event.value)
    },
  })
  if (relay.address !== undefined) void ask()
  return {
    [Symbol.dispose]() {
      isOver = true
      cancel?.()
      listening[Symbol.dispose]()
    },
  }
}

/** Whoever waits for a state can wait for room, too. */
function isFull({ code }: HeirloomError): boolean {
  return code === 'no-space' || code === 'quota'
}
