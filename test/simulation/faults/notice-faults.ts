// Notices that are moved while the VM hands off: cut short, or put off.

import type { World } from '../world.ts'
import { pick, type FaultKind } from './fault-kind.ts'

export const noticeFaults: FaultKind = { name: 'notices', probability: 0.2, faults: (world) => [move(world, 2_000), move(world, 30_000)] }

function move({ random, peers, log }: World, maxMs: number) {
  return () => {
    const going = peers.filter(({ isHandingOff }) => isHandingOff)
    if (going.length === 0) return
    const peer = pick(random, going)
    const leftMs = 500 + random.next() * maxMs
    log(`${peer.name} has ${Math.round(leftMs)} ms from now on`)
    peer.moveNotice(leftMs)
  }
}
