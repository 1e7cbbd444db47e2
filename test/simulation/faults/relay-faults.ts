// A relay's process is killed, also in the middle of what it does with its disk, is told to end, or loses its power.

import type { RelayMachine } from '../relay-machine.ts'
import type { World } from '../world.ts'
import { drawDurationMs, type FaultKind } from './fault-kind.ts'

type Happen = (world: World, relay: RelayMachine) => void

export const relayFaults: readonly FaultKind[] = [
  { name: 'relay dies', probability: 0.5, faults: (world) => [to(world, kill), to(world, kill), to(world, end)] },
  { name: 'relay loses power', probability: 0.4, faults: (world) => [to(world, losePower), to(world, losePower)] },
  {
    name: 'relay dies writing',
    probability: 0.4,
    faults: (world) => [to(world, whileWriting(kill)), to(world, whileWriting(losePower)), to(world, whileWriting(losePower))],
  },
]

function to(world: World, happen: Happen) {
  return () => happen(world, world.relay)
}

function kill({ log, loop, random }: World, relay: RelayMachine): void {
  log(`${relay.name} is killed`)
  relay.kill()
  loop.after(drawDurationMs(random, 2_000, 15_000), () => relay.start())
}

function losePower({ log, loop, random }: World, relay: RelayMachine): void {
  log(`${relay.name} loses its power`)
  relay.losePower()
  loop.after(drawDurationMs(random, 4_000, 15_000), () => relay.start())
}

function end({ log, loop, random }: World, relay: RelayMachine): void {
  log(`${relay.name} is told to end`)
  void relay.end().then(() => loop.after(random.next() * 1_000, () => relay.start()))
  loop.after(20_000, () => (relay.kill(), relay.start()))
}

/** In the middle of one of the next calls to its disk. */
function whileWriting(die: Happen): Happen {
  return (world, relay) => {
    relay.disk.crash = { afterCalls: world.random.integer(0, 40), run: () => die(world, relay) }
  }
}
