// Peers' processes are killed, also in the middle of a call to their files; their machines lose power; their applications' disks are full.

import type { PeerMachine } from '../peer-machine.ts'
import type { World } from '../world.ts'
import { drawDurationMs, pick, type FaultKind } from './fault-kind.ts'

export const peerFaults: readonly FaultKind[] = [
  {
    name: 'peers die',
    probability: 0.5,
    faults: (world) => [killOne(world), killOne(world), killWriting(world), killWriting(world)],
  },
  { name: 'peers lose power', probability: 0.1, faults: (world) => [losePower(world)] },
  { name: 'sinks', probability: 0.15, faults: (world) => [failSink(world)] },
]

/** Kills a peer's process, which is started again after so long. */
export function kill(world: World, peer: PeerMachine, againAfterMs: number): void {
  world.log(`${peer.name} is killed`)
  peer.kill()
  world.checkJournal(peer)
  world.loop.after(againAfterMs, () => peer.start())
}

function killOne(world: World) {
  const { random, peers } = world
  return () => kill(world, pick(random, peers), drawDurationMs(random, 2_000, 20_000))
}

function killWriting(world: World) {
  const { random, loop, peers } = world
  return () => {
    const peer = pick(random, peers)
    peer.journal.killAfterCalls = random.integer(0, 12)
    peer.onKilledWriting = () => {
      world.log(`${peer.name} is killed while it writes`)
      world.checkJournal(peer)
      loop.after(drawDurationMs(random, 2_000, 20_000), () => peer.start())
    }
  }
}

function losePower(world: World) {
  const { random, loop, peers } = world
  return () => {
    const peer = pick(random, peers)
    world.log(`${peer.name} loses its power`)
    peer.losePower()
    loop.after(drawDurationMs(random, 2_000, 20_000), () => peer.start())
  }
}

function failSink({ random, loop, peers }: World) {
  return () => {
    const peer = pick(random, peers)
    peer.sinkFailure = random.next()
    loop.after(random.next() * 5_000, () => (peer.sinkFailure = 0))
  }
}
