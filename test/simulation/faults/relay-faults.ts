// The relay's process is killed, also in the middle of what it does with its disk, is told to end, or loses its power.

import type { World } from '../world.ts'
import { drawDurationMs, type FaultKind } from './fault-kind.ts'

export const relayFaults: readonly FaultKind[] = [
  { name: 'relay dies', probability: 0.5, faults: (world) => [kill(world), kill(world), end(world)] },
  { name: 'relay loses power', probability: 0.4, faults: (world) => [losePower(world), losePower(world)] },
  {
    name: 'relay dies writing',
    probability: 0.4,
    faults: (world) => [whileWriting(world, kill(world)), whileWriting(world, losePower(world)), whileWriting(world, losePower(world))],
  },
]

function kill(world: World) {
  return () => {
    world.log('the relay is killed')
    world.relay.kill()
    startAgain(world, drawDurationMs(world.random, 2_000, 15_000))
  }
}

function losePower(world: World) {
  return () => {
    world.log('the relay loses its power')
    world.relay.losePower()
    startAgain(world, drawDurationMs(world.random, 4_000, 15_000))
  }
}

function end(world: World) {
  const { loop, random, relay } = world
  return () => {
    world.log('the relay is told to end')
    void relay.end().then(() => startAgain(world, random.next() * 1_000))
    loop.after(20_000, () => (relay.kill(), relay.start()))
  }
}

/** In the middle of one of the next calls to its disk. */
function whileWriting({ random, relay }: World, die: () => void) {
  return () => {
    relay.disk.crash = { afterCalls: random.integer(0, 40), run: die }
  }
}

function startAgain({ loop, relay }: World, afterMs: number): void {
  loop.after(afterMs, () => relay.start())
}
