// Notices, and what becomes of the VM that was given one.

import type { LaneKind } from '../../src/lane/lane.ts'
import { keepMs as usualKeepMs } from '../../src/limits/relay.ts'
import type { SeededRandom } from '../helpers/seed.ts'
import type { PeerMachine } from './peer-machine.ts'
import type { NoticePlan } from './running-handoff.ts'
import type { World } from './world.ts'

/** A slow handoff is given the time that it takes. */
export function drawNotice(random: SeededRandom, lanes: readonly LaneKind[], isSlow = false): NoticePlan {
  return {
    deadlineMs: isSlow ? 15_000 + random.next() * 45_000 : 2000 + random.next() ** 2 * 40_000,
    limits: {
      lanes,
      reserveMs: random.next() < 0.8 ? 3000 : random.next() * 3000,
      bytesMax: random.next() < 0.1 ? random.integer(1, 40_000) : undefined,
      rateBytesPerSecondMax: random.next() < 0.15 ? random.integer(2000, 50_000) : undefined,
      keepMs: random.next() < 0.15 ? random.integer(10_000, 90_000) : usualKeepMs,
    },
  }
}

/** Gives the notice now. An agent that is killed while it hands off is started again and told again for as long as the VM lives; or never, and the VM stays. */
export function goAway(world: World, peer: PeerMachine, plan: NoticePlan): void {
  const { random, loop } = world
  const goneMs = loop.nowMs + plan.deadlineMs
  const isForgotten = random.next() < 0.2
  const handoffsBefore = peer.handoffs.length
  const give = () => {
    if (peer.isGone) return
    const wasKilled = peer.handoffs.length > handoffsBefore && !peer.isHandingOff
    if (wasKilled && isForgotten) return world.log(`${peer.name} stays after all`)
    if (!peer.isHandingOff) peer.notice(plan)
    if (loop.nowMs < goneMs || peer.isHandingOff) loop.after(3000, give)
    else peer.leave()
  }
  give()
}
