// What happens in a world: who comes and goes when, and every fault, all drawn from the seed before the world begins.

import type { LaneKind } from '../../src/lane/lane.ts'
import type { SeededRandom } from '../helpers/seed.ts'
import { noDiskFaults } from './disk.ts'
import { diskFaults } from './faults/disk-faults.ts'
import { pick, type FaultKind } from './faults/fault-kind.ts'
import { heirFaults } from './faults/heir-faults.ts'
import { networkFaults } from './faults/network-faults.ts'
import { peerFaults } from './faults/peer-faults.ts'
import { relayFaults } from './faults/relay-faults.ts'
import { timeFaults } from './faults/time-faults.ts'
import { drawNotice, goAway } from './going.ts'
import { drawSource } from './state.ts'
import type { World } from './world.ts'

/** After this many virtual ms at most no fault begins any more, and all that was broken works again. */
const faultsEndMaxMs = 60_000

const faultKinds: readonly FaultKind[] = [networkFaults, ...relayFaults, diskFaults, ...peerFaults, ...timeFaults, heirFaults]

export interface Scenario {
  /** From then on nothing fails any more. */
  readonly faultsEndMs: number
}

/** Draws the inhabitants of the world and all that will happen to them, and schedules it. */
export function playScenario(world: World): Scenario {
  const { random, loop } = world
  const kinds = faultKinds.filter(({ probability }) => random.next() < probability)
  world.log(`this world has: ${kinds.map(({ name }) => name).join(', ') || 'no faults'}`)
  const lanes = drawLanes(random)
  const faultsEndMs = 5_000 + random.next() * (faultsEndMaxMs - 5_000)
  loop.after(0, () => world.relay.start())
  for (let count = random.integer(2, 5); count > 0; count--) addPeer(world, lanes, faultsEndMs)
  const faults = kinds.flatMap((kind) => kind.faults(world, faultsEndMs))
  if (faults.length > 0) {
    for (let count = random.integer(1, 14); count > 0; count--) loop.after(random.next() * faultsEndMs, pick(random, faults))
  }
  loop.after(faultsEndMs, () => makePeace(world, lanes))
  return { faultsEndMs }
}

function drawLanes(random: SeededRandom): readonly LaneKind[] {
  const luck = random.next()
  return luck < 0.7 ? ['stream', 'store'] : luck < 0.88 ? ['store'] : ['stream']
}

function addPeer(world: World, lanes: readonly LaneKind[], faultsEndMs: number): void {
  const { random, loop } = world
  const isFirst = world.peers.length === 0
  const isGoing = isFirst || random.next() < 0.5
  const peer = world.addPeer({
    lanes,
    isReachable: random.next() < 0.8,
    awaits: !isFirst && random.next() < 0.8,
    sources: Array.from({ length: random.integer(1, 2) }, (_, index) => drawSource(random, `source${index}`)),
    restoreMs: random.next() < 0.5 ? 2 : random.next() * 600,
  })
  loop.after(random.next() ** 2 * 15_000, () => peer.start())
  if (!isGoing) return
  const notice = drawNotice(random, lanes)
  loop.after(500 + random.next() * faultsEndMs, () => goAway(world, peer, notice))
}

/** All that was broken works again, and fresh successors come. */
function makePeace(world: World, lanes: readonly LaneKind[]): void {
  const { random, network, relay, peers } = world
  world.log('the faults are over')
  relay.disk.faults = noDiskFaults
  relay.disk.capacityBytes = Infinity
  relay.disk.crash = undefined
  network.dialFailure = 0
  for (const link of network.links()) {
    network.heal(link)
    link.latencyMs = Math.min(link.latencyMs, 80)
  }
  for (const peer of peers) {
    peer.journal.capacityBytes = Infinity
    peer.journal.killAfterCalls = undefined
    peer.sinkFailure = 0
    peer.start()
  }
  relay.start()
  for (let count = 0; count < 2; count++) {
    world.addPeer({ lanes, isReachable: true, awaits: true, sources: [], restoreMs: random.next() * 100 }).start()
  }
}
