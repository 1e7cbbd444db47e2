// Waiting as a successor: the relay assigns a handoff at once or when one comes. Waiting survives lost links, since it is repeated.

import type { Clock } from '../../src/clock.ts'
import { Deadline } from '../../src/deadline.ts'
import { asHeirloomError, type HeirloomError } from '../../src/errors.ts'
import { retryMaxMs } from '../../src/limits/link.ts'
import type { Assignment } from '../../src/wire/gen/control_pb.ts'
import type { RelayClient } from '../relay-client.ts'
import { isPassingAtRelay } from '../relay-trouble.ts'

export interface WaitForOptions {
  readonly relay: RelayClient
  readonly clock: Clock
  readonly waitMs: number
  readonly signal: AbortSignal
  /** The relay has answered that there is nothing to inherit yet. */
  readonly onNothing?: () => void
}

/** The assignment, or undefined when none came in time; then the relay was told that we don't wait any more. Throws what the relay refuses us with. */
export async function waitForAssignment({ relay, clock, waitMs, signal, onNothing }: WaitForOptions): Promise<Assignment | undefined> {
  const assigned = Promise.withResolvers<Assignment | undefined>()
  let askAgain: (() => void) | undefined
  const ask = async () => {
    try {
      const { result } = await relay.request({ case: 'wait', value: { $typeName: 'heirloom.wire.v1.Wait' } }, { signal })
      if (result.case === 'assignment') assigned.resolve(result.value)
      else onNothing?.()
    } catch (thrown) {
      const error = asHeirloomError(thrown)
      if (!isPassingAtRelay(error) && !isFull(error)) return assigned.reject(error)
      askAgain?.()
      askAgain = clock.after(retryMaxMs, () => void (relay.address !== undefined && ask()))
    }
  }
  using listening = relay.listen({
    enrolled: () => void ask(),
    notification: ({ event }) => {
      if (event.case === 'assigned') assigned.resolve(event.value)
    },
  })
  void listening
  using wait = Deadline.after(clock, waitMs).signal(signal)
  wait.signal.addEventListener('abort', () => (signal.aborted ? assigned.reject(signal.reason) : assigned.resolve(undefined)), {
    once: true,
  })
  if (relay.address !== undefined) void ask()
  const assignment = await assigned.promise.finally(() => askAgain?.())
  if (assignment === undefined) await relay.request({ case: 'leave', value: { $typeName: 'heirloom.wire.v1.Leave' } }).catch(() => {})
  return assignment
}

/** Whoever waits for a state can wait for room, too. */
function isFull({ code }: HeirloomError): boolean {
  return code === 'no-space' || code === 'quota'
}
