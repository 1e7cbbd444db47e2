// What happens at the relay because time passes: leases that end, handoffs and certificates that expire, removals to try again.
// It runs on the injected clock, so that the simulator drives it.

import type { RelayCore } from './relay-core.ts'

/** Ticks until it is disposed. */
export function startSweeper(core: RelayCore): Disposable {
  const { clock } = core
  const everyMs = Math.min(1000, core.leaseMs / 4)
  let cancel: () => void = () => {}
  const schedule = () => {
    core.presence.runsUntil(clock.monotonicMs() + everyMs)
    cancel = clock.after(everyMs, () => {
      // One that comes late means that this process was held up and heard nobody.
      core.presence.runsUntil(clock.monotonicMs())
      core.tick()
      schedule()
    })
  }
  schedule()
  return { [Symbol.dispose]: () => cancel() }
}
