// What happens in a world: who comes and goes when, and every fault, all drawn from the seed before the world begins.

import type { LaneKind } from '../../src/lane/lane.ts'
import { keepMs as usualKeepMs } from '../../src/limits/relay.ts'
import type { SeededRandom } from '../helpers/seed.ts'
import { noDiskFaults } from './disk.ts'
import type { NoticePlan, PeerMachine } from './peer-machine.ts'
import { drawSource } from './state.ts'
import type { World } from './world.ts'

/** After this many virtual ms at most no fault begins any more, and all that was broken works again. */
const faultsEndMaxMs = 60_000

export interface Scenario {
  /** From then on nothing fails any more. */
  readonly faultsEndMs: number
}

/** Kinds of faults; a world has some of them, so that each is also seen without the others. */
interface Hostility {
  readonly network: boolean
  readonly relayDies: boolean
  readonly relayLosesPower: boolean
  readonly disk: boolean
  readonly peersDie: boolean
  readonly peersLosePower: boolean
  readonly stops: boolean
  readonly clocks: boolean
  readonly sinks: boolean
}

function drawHostility(random: SeededRandom): Hostility {
  const isIn = (probability: number) => random.next() < probability
  return {
    network: isIn(0.6),
    relayDies: isIn(0.5),
    relayLosesPower: isIn(0.4),
    disk: isIn(0.3),
    peersDie: isIn(0.5),
    peersLosePower: isIn(0.1),
    stops: isIn(0.25),
    clocks: isIn(0.25),
    sinks: isIn(0.15),
  }
}

/** Draws the inhabitants of the world and all that will happen to them, and schedules it. */
export function playScenario(world: World): Scenario {
  const { random, loop } = world
  const hostility = drawHostility(random)
  world.log(
    `this world has: ${
      Object.entries(hostility)
        .flatMap(([name, isIn]) => (isIn ? [name] : []))
        .join(', ') || 'no faults'
    }`,
  )
  const lanes = drawLanes(random)
  const faultsEndMs = 5_000 + random.next() * (faultsEndMaxMs - 5_000)
  loop.after(0, () => world.relay.start())
  for (let count = random.integer(2, 5); count > 0; count--) addPeer(world, lanes, faultsEndMs)
  const faults = drawFaults(world, hostility)
  if (faults.length > 0) {
    for (let count = random.integer(1, 14); count > 0; count--) {
      const fault = faults[random.integer(0, faults.length - 1)]!
      loop.after(random.next() * faultsEndMs, fault)
    }
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
  const noticeMs = 500 + random.next() * faultsEndMs
  const plan = drawNotice(random, lanes)
  const give = () => {
    if (peer.isGone) return
    // An agent that was killed while it handed off is started again and told again, for as long as the VM lives.
    if (!peer.isHandingOff) peer.notice(plan)
    if (loop.nowMs < noticeMs + plan.deadlineMs || peer.isHandingOff) loop.after(3000, give)
    else peer.leave()
  }
  loop.after(noticeMs, give)
}

function drawNotice(random: SeededRandom, lanes: readonly LaneKind[]): NoticePlan {
  return {
    deadlineMs: 2000 + random.next() ** 2 * 40_000,
    limits: {
      lanes,
      reserveMs: random.next() < 0.8 ? 3000 : random.next() * 3000,
      bytesMax: random.next() < 0.1 ? random.integer(1, 40_000) : undefined,
      rateBytesPerSecondMax: random.next() < 0.15 ? random.integer(2000, 50_000) : undefined,
      keepMs: random.next() < 0.15 ? random.integer(10_000, 90_000) : usualKeepMs,
    },
  }
}

function pick<Item>(random: SeededRandom, items: readonly Item[]): Item {
  return items[random.integer(0, items.length - 1)]!
}

/** One entry is drawn as often as another. */
function drawFaults(world: World, hostility: Hostility): (() => void)[] {
  return [
    ...(hostility.network ? networkFaults(world) : []),
    ...(hostility.relayDies || hostility.relayLosesPower ? relayFaults(world, hostility) : []),
    ...(hostility.disk ? diskFaults(world) : []),
    ...(hostility.peersDie || hostility.peersLosePower ? peerFaults(world, hostility) : []),
    ...(hostility.stops ? stopFaults(world) : []),
    ...(hostility.clocks ? clockFaults(world) : []),
    ...(hostility.sinks ? sinkFaults(world) : []),
  ]
}

function networkFaults(world: World): (() => void)[] {
  const { random, loop, network } = world
  const cut = (maxMs: number) => () => {
    const links = network.links()
    if (links.length === 0) return
    const link = pick(random, links)
    world.log(`a link is cut`)
    network.cut(link)
    loop.after(random.next() * maxMs, () => network.heal(link))
  }
  const breakOne = () => {
    const open = [...network.connections]
    if (open.length === 0) return
    const { near, far } = pick(random, open)
    world.log(`a connection breaks`)
    ;(random.next() < 0.5 ? near : far).break('a router forgot it')
  }
  const isolate = () => {
    const { peerId } = pick(random, world.peers).options.identity
    const links = network.linksOf(peerId)
    for (const link of links) network.cut(link)
    world.log(`a machine is cut off`)
    loop.after(random.next() * 20_000, () => links.forEach((link) => network.heal(link)))
  }
  const slow = () => {
    for (const link of network.links()) link.latencyMs = random.next() * 400
  }
  const refuse = () => {
    network.dialFailure = random.next()
    loop.after(random.next() * 10_000, () => (network.dialFailure = 0))
  }
  return [cut(1_000), cut(20_000), breakOne, breakOne, isolate, slow, refuse]
}

function relayFaults(world: World, { relayDies, relayLosesPower }: Hostility): (() => void)[] {
  const { random, loop, relay } = world
  const again = (maxMs: number) => void loop.after(random.next() * maxMs, () => relay.start())
  const kill = () => {
    world.log('the relay is killed')
    relay.kill()
    again(random.next() < 0.8 ? 2_000 : 15_000)
  }
  const losePower = () => {
    world.log('the relay loses its power')
    relay.losePower()
    again(15_000)
  }
  const end = () => {
    world.log('the relay is told to end')
    void relay.end().then(() => again(1_000))
    loop.after(20_000, () => (relay.kill(), relay.start()))
  }
  return [...(relayDies ? [kill, kill, end] : []), ...(relayLosesPower ? [losePower, losePower] : [])]
}

function diskFaults(world: World): (() => void)[] {
  const { random, loop, relay } = world
  const { disk } = relay
  const errors = () => {
    const luck = random.next()
    const rate = luck < 0.5 ? 0.05 : luck < 0.8 ? 0.5 : 1
    const kinds = ['reads', 'writes', 'syncs', 'folders', 'stalls'] as const
    disk.faults = { ...noDiskFaults, [pick(random, kinds)]: rate }
    world.log(`the relay's disk fails: ${JSON.stringify(disk.faults)}`)
    loop.after(random.next() * 6_000, () => (disk.faults = noDiskFaults))
  }
  const fill = () => {
    disk.capacityBytes = disk.usedBytes + random.integer(0, 8192)
    world.log(`the relay's disk is full soon`)
    loop.after(random.next() * 10_000, () => (disk.capacityBytes = Infinity))
  }
  const fillPeer = () => {
    const { journal } = pick(random, world.peers)
    journal.capacityBytes = journal.usedBytes + random.integer(0, 4096)
    loop.after(random.next() * 10_000, () => (journal.capacityBytes = Infinity))
  }
  return [errors, errors, fill, fillPeer]
}

function peerFaults(world: World, { peersDie, peersLosePower }: Hostility): (() => void)[] {
  const { random, loop } = world
  const again = (peer: PeerMachine) => void loop.after(random.next() * (random.next() < 0.8 ? 2_000 : 20_000), () => peer.start())
  const kill = () => {
    const peer = pick(random, world.peers)
    world.log(`${peer.name} is killed`)
    peer.kill()
    world.checkJournal(peer)
    again(peer)
  }
  const killWriting = () => {
    const peer = pick(random, world.peers)
    peer.journal.killAfterCalls = random.integer(0, 12)
    peer.onKilledWriting = () => {
      world.log(`${peer.name} is killed while it writes`)
      world.checkJournal(peer)
      again(peer)
    }
  }
  const losePower = () => {
    const peer = pick(random, world.peers)
    world.log(`${peer.name} loses its power`)
    peer.losePower()
    again(peer)
  }
  return [...(peersDie ? [kill, kill, killWriting, killWriting] : []), ...(peersLosePower ? [losePower] : [])]
}

function stopFaults(world: World): (() => void)[] {
  const { random, relay } = world
  const lengthMs = () => (random.next() < 0.5 ? random.next() * 1_000 : random.next() * 15_000)
  return [
    () => {
      world.log('the relay is stopped for a while')
      relay.process?.stop(lengthMs())
    },
    () => {
      const peer = pick(random, world.peers)
      world.log(`${peer.name} is stopped for a while`)
      peer.process?.stop(lengthMs())
    },
  ]
}

function clockFaults(world: World): (() => void)[] {
  const { random, relay } = world
  // Together with how far apart clocks begin it stays under what certificates bear.
  const jump = () => (random.next() - 0.5) * 6_000
  return [() => relay.clock.jump(jump()), () => pick(random, world.peers).options.clock.jump(jump())]
}

function sinkFaults(world: World): (() => void)[] {
  const { random, loop } = world
  return [
    () => {
      const peer = pick(random, world.peers)
      peer.sinkFailure = random.next()
      loop.after(random.next() * 5_000, () => (peer.sinkFailure = 0))
    },
  ]
}

/** All that was broken works again, and fresh successors come. */
function makePeace(world: World, lanes: readonly LaneKind[]): void {
  const { random, network, relay, peers } = world
  world.log('the faults are over')
  relay.disk.faults = noDiskFaults
  relay.disk.capacityBytes = Infinity
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
