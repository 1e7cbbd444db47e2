// What happens in a world: who comes and goes when, and every fault, all drawn from the seed before the world begins.

import type { LaneKind } from '../../src/lane/lane.ts'
import type { Split } from '../../src/plan/policy-split.ts'
import type { SeededRandom } from '../helpers/seed.ts'
import { drawDataWall, type DataWall } from './data-link.ts'
import { noDiskFaults } from './disk.ts'
import { divided, Division, drawParts, drawSplit } from './division.ts'
import { diskFaults } from './faults/disk-faults.ts'
import { pick, type FaultKind } from './faults/fault-kind.ts'
import { heirFaults } from './faults/heir-faults.ts'
import { networkFaults } from './faults/network-faults.ts'
import { noticeFaults } from './faults/notice-faults.ts'
import { peerFaults } from './faults/peer-faults.ts'
import { relayFaults } from './faults/relay-faults.ts'
import { timeFaults } from './faults/time-faults.ts'
import { drawNotice, goAway } from './going.ts'
import { playLastHandoff } from './last-handoff.ts'
import { LivingState } from './living-state.ts'
import { drawSource, type SourceScript } from './state.ts'
import type { World } from './world.ts'

/** After this many virtual ms at most no fault begins any more, and all that was broken works again. */
const faultsEndMaxMs = 60_000

const faultKinds: readonly FaultKind[] = [networkFaults, ...relayFaults, diskFaults, ...peerFaults, ...timeFaults, noticeFaults, heirFaults]

export interface Scenario {
  /** From then on nothing fails any more. */
  readonly faultsEndMs: number
}

/** Draws the inhabitants of the world and all that will happen to them, and schedules it. */
export function playScenario(world: World): Scenario {
  const { random, loop } = world
  const kinds = faultKinds.filter(({ probability }) => random.next() < probability)
  world.log(`this world has: ${kinds.map(({ name }) => name).join(', ') || 'no faults'}`)
  const pool = {
    lanes: world.hasCircuits ? drawCircuitLanes(random) : drawLanes(random),
    isSlow: random.next() < 0.35,
    isEager: random.next() < 0.25,
    split: world.isDivided ? drawSplit(random) : undefined,
  }
  const faultsEndMs = 5_000 + random.next() * (faultsEndMaxMs - 5_000)
  for (const relay of world.relays) loop.after(0, () => relay.start())
  for (let count = random.integer(2, 5); count > 0; count--) addPeer(world, pool, faultsEndMs)
  const faults = kinds.map((kind) => kind.faults(world, faultsEndMs))
  if (faults.length > 0) {
    for (let count = random.integer(1, 18); count > 0; count--) loop.after(random.next() * faultsEndMs, pick(random, pick(random, faults)))
  }
  loop.after(faultsEndMs, () => makePeace(world, pool))
  return { faultsEndMs }
}

function drawLanes(random: SeededRandom): readonly LaneKind[] {
  const luck = random.next()
  if (luck < 0.4) return ['fast', 'stream', 'store']
  if (luck < 0.7) return ['stream', 'store']
  if (luck < 0.85) return ['store']
  return luck < 0.92 ? ['fast', 'stream'] : luck < 0.96 ? ['fast', 'store'] : ['stream']
}

function drawCircuitLanes(random: SeededRandom): readonly LaneKind[] {
  const luck = random.next()
  if (luck < 0.3) return ['fast', 'stream', 'circuit', 'store']
  if (luck < 0.5) return ['stream', 'circuit', 'store']
  if (luck < 0.65) return ['circuit', 'store']
  return luck < 0.75 ? ['fast', 'stream', 'circuit'] : luck < 0.85 ? ['stream', 'circuit'] : ['circuit']
}

/** What stands before a machine of a world in which few can be dialled. */
function drawWall(random: SeededRandom): DataWall {
  const luck = random.next()
  return luck < 0.3 ? 'open' : luck < 0.7 ? 'swallows' : 'refuses'
}

/** What the VMs of a world have in common. */
interface Pool {
  readonly lanes: readonly LaneKind[]
  /** Their state takes so long to read that heirs come and go meanwhile. */
  readonly isSlow: boolean
  /** The applications of all of them ask for chunks ahead of their turn, and often. */
  readonly isEager: boolean
  /** How its predecessors divide their state. */
  readonly split: Split | undefined
}

function drawDemands(random: SeededRandom, isEager: boolean): number | undefined {
  if (isEager) return random.next() * 500
  return random.next() < 0.3 ? random.next() * 2_000 : undefined
}

function addPeer(world: World, { lanes, isSlow, isEager, split }: Pool, faultsEndMs: number): void {
  const { random, loop } = world
  const isFirst = world.peers.length === 0
  const isGoing = isFirst || random.next() < 0.5
  const preshipEveryMs = world.isShippingAhead && random.next() < 0.7 ? 500 + random.next() * 8_000 : undefined
  const own = world.hasCircuits && random.next() < 0.15 ? lanes.filter((lane) => lane !== 'circuit') : lanes
  const peer = world.addPeer({
    lanes: own.length > 0 ? own : lanes,
    preshipEveryMs,
    isReachable: random.next() < 0.8,
    wall: world.hasCircuits ? drawWall(random) : 'open',
    dialsFirst: world.hasCircuits,
    dataWall: drawDataWall(random),
    awaits: !isFirst && random.next() < 0.8,
    sources: Array.from({ length: random.integer(1, 2) }, (_, index) => {
      const drawn = drawSource(random, `source${index}`, isSlow ? 8 : 1)
      const source = split === undefined ? drawn : divided(random, drawn, split)
      return preshipEveryMs === undefined ? source : live(world, source)
    }),
    division: split !== undefined && (isFirst || random.next() < 0.6) ? new Division(split) : undefined,
    parts: split && drawParts(random, split),
    restoreMs: random.next() < 0.5 ? 2 : random.next() * 600,
    demandEveryMs: drawDemands(random, isEager),
  })
  loop.after(random.next() ** 2 * 15_000, () => peer.start())
  if (!isGoing) return
  const notice = drawNotice(random, lanes, isSlow)
  loop.after(500 + random.next() * (isSlow ? faultsEndMs / 2 : faultsEndMs), () => goAway(world, peer, notice))
}

/** The state of this source changes, until its VM is given notice. */
function live({ random, loop }: World, source: SourceScript): SourceScript {
  const living = new LivingState(
    source.chunks.map(({ id }) => id),
    () => loop.nowMs,
  )
  const pauseMs = random.next() * 3_000
  const change = () => {
    if (living.frozenMs !== undefined || loop.nowMs > faultsEndMaxMs) return
    living.change(random)
    loop.after(random.next() * pauseMs, change)
  }
  loop.after(random.next() * pauseMs, change)
  return { ...source, living }
}

/** Of the successors that come last, one that takes all parts, and of the others each some. */
function freshParts(split: Split | undefined): readonly (readonly string[] | undefined)[] {
  return split === undefined ? [undefined, undefined] : [undefined, split.parts.slice(0, 1), split.parts.slice(1)]
}

/** All that was broken works again, and fresh successors come. */
function makePeace(world: World, { lanes, isEager, split }: Pool): void {
  const { random, network, relays, peers } = world
  world.log('the faults are over')
  world.peaceFromMs = world.loop.nowMs
  for (const { disk } of relays) {
    disk.faults = noDiskFaults
    disk.capacityBytes = Infinity
    disk.crash = undefined
  }
  network.dialFailure = 0
  for (const link of network.links()) {
    network.heal(link)
    link.latencyMs = Math.min(link.latencyMs, 80)
  }
  for (const peer of peers) {
    peer.journal.capacityBytes = Infinity
    peer.journal.failure = 0
    peer.journal.killAfterCalls = undefined
    peer.sinkFailure = 0
    peer.start()
  }
  for (const relay of relays) relay.start()
  for (const parts of freshParts(split)) {
    world
      .addPeer({
        lanes,
        isReachable: true,
        wall: world.hasCircuits ? drawWall(random) : 'open',
        dialsFirst: world.hasCircuits,
        dataWall: 'open',
        awaits: true,
        sources: [],
        preshipEveryMs: undefined,
        division: undefined,
        parts,
        restoreMs: random.next() * 100,
        demandEveryMs: isEager ? drawDemands(random, isEager) : undefined,
      })
      .start()
  }
  if (world.hasCircuits) playLastHandoff(world)
}
