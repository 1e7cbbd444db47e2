// Processes that are stopped for a while, and clocks that jump.

import type { World } from '../world.ts'
import { pick, type FaultKind } from './fault-kind.ts'

export const timeFaults: readonly FaultKind[] = [
  { name: 'stops', probability: 0.25, faults: (world) => [stopRelay(world), stopPeer(world)] },
  { name: 'clocks', probability: 0.25, faults: (world) => [jumpRelay(world), jumpPeer(world)] },
]

function stopRelay({ random, relay, log }: World) {
  return () => {
    log('the relay is stopped for a while')
    relay.process?.stop(drawStopMs(random.next(), random.next()))
  }
}

function stopPeer({ random, peers, log }: World) {
  return () => {
    const peer = pick(random, peers)
    log(`${peer.name} is stopped for a while`)
    peer.process?.stop(drawStopMs(random.next(), random.next()))
  }
}

function drawStopMs(luck: number, share: number): number {
  return share * (luck < 0.5 ? 1_000 : 15_000)
}

function jumpRelay({ random, relay, log }: World) {
  return () => {
    log("the relay's clock jumps")
    relay.clock.jump(drawJumpMs(random.next()))
  }
}

function jumpPeer({ random, peers, log }: World) {
  return () => {
    const peer = pick(random, peers)
    log(`the clock of ${peer.name} jumps`)
    peer.options.clock.jump(drawJumpMs(random.next()))
  }
}

/** Together with how far apart clocks begin it stays under what certificates bear. */
function drawJumpMs(share: number): number {
  return (share - 0.5) * 6_000
}
