// What happens to whoever is inheriting just then: it is cut off for longer than its lease, stopped, killed, or told to go itself. Another gets what it
// had, and it comes back, perhaps while that one is stopped.

import { leaseMs } from '../../../src/limits/link.ts'
import { drawNotice, goAway } from '../going.ts'
import type { PeerMachine } from '../peer-machine.ts'
import type { World } from '../world.ts'
import { pick, type FaultKind } from './fault-kind.ts'
import { kill } from './peer-faults.ts'

export const heirFaults: FaultKind = {
  name: 'heirs',
  probability: 0.5,
  faults: (world, faultsEndMs) =>
    [
      cutFromRelay,
      cutFromRelay,
      cutOff,
      stop,
      killFor,
      breakAll,
      goes,
      fail,
      fail,
      cutUntilReplaced,
      cutUntilReplaced,
      cutUntilReplaced,
      failWhileOpening,
      failWhileOpening,
      failWhileOpening,
    ].map((fault) => () => whenSomebodyInherits(world, faultsEndMs, (heir) => fault(world, heir))),
}

const lookEveryMs = 40

function whenSomebodyInherits(world: World, faultsEndMs: number, act: (heir: PeerMachine) => void): void {
  const { random, loop, peers } = world
  if (loop.nowMs >= faultsEndMs) return
  const heirs = peers.filter(({ isRunning, inheriting }) => isRunning && inheriting.size > 0)
  if (heirs.length === 0) return void loop.after(lookEveryMs, () => whenSomebodyInherits(world, faultsEndMs, act))
  const heir = pick(random, heirs)
  loop.after(random.next() * 500, () => {
    if (loop.nowMs < faultsEndMs) act(heir)
  })
}

/** Its lease ends, and then some. */
function beyondLeaseMs({ random }: World): number {
  return leaseMs + random.next() * 6_000
}

/** The lane from its predecessor stays. */
function cutFromRelay(world: World, heir: PeerMachine): void {
  const { loop, network, relay } = world
  const link = network.link(heir.options.identity.peerId, relay.peerId)
  world.log(`${heir.name} is cut off from the relay`)
  network.cut(link)
  loop.after(beyondLeaseMs(world), () => network.heal(link))
}

function cutOff(world: World, heir: PeerMachine): void {
  const { loop, network } = world
  const links = network.linksOf(heir.options.identity.peerId)
  world.log(`${heir.name} is cut off`)
  for (const link of links) network.cut(link)
  loop.after(beyondLeaseMs(world), () => links.forEach((link) => network.heal(link)))
}

/** Whoever gets its handoff is stopped before it has opened anything, and then it is back: its old transfers are the only ones. */
function cutUntilReplaced(world: World, heir: PeerMachine): void {
  const { random, loop, network, relay, peers, log } = world
  const [inheriting] = heir.inheriting
  if (inheriting === undefined) return
  const [handoff] = inheriting.split(' ')
  const link = network.link(heir.options.identity.peerId, relay.peerId)
  const untilMs = loop.nowMs + 2 * leaseMs
  log(`${heir.name} is cut off from the relay until it is replaced`)
  network.cut(link)
  const look = () => {
    const next = peers.find((peer) => peer !== heir && [...peer.inheriting].some((key) => key.startsWith(`${handoff} `)))
    if (next === undefined && loop.nowMs < untilMs) return void loop.after(10, look)
    if (next !== undefined) log(`${next.name} is stopped`)
    next?.process?.stop(1_000 + random.next() * 4_000)
    loop.after(random.next() * 300, () => network.heal(link))
  }
  look()
}

function stop(world: World, heir: PeerMachine): void {
  world.log(`${heir.name} is stopped for longer than its lease`)
  heir.process?.stop(beyondLeaseMs(world))
}

function killFor(world: World, heir: PeerMachine): void {
  kill(world, heir, beyondLeaseMs(world))
}

function breakAll(world: World, heir: PeerMachine): void {
  world.log(`all connections of ${heir.name} break`)
  for (const { near, far } of world.network.connections)
    for (const end of [near, far]) if (end.node.peerId === heir.options.identity.peerId) end.break('a router forgot it')
}

/** Its application's disk is full: it gives the handoff back, and another gets it at once. */
function fail({ random, loop, log }: World, heir: PeerMachine): void {
  log(`the disk of the application of ${heir.name} is full`)
  heir.sinkFailure = 1
  loop.after(random.next() * 2_000, () => (heir.sinkFailure = 0))
}

/** It gives the handoff back while the hello of a transfer that it opens anew is still under way: that comes to the relay when another has it. */
function failWhileOpening(world: World, heir: PeerMachine): void {
  const { random, loop, network, relay, log } = world
  const link = network.link(heir.options.identity.peerId, relay.peerId)
  log(`what ${heir.name} sends on new transfers to the relay takes seconds`)
  link.transferLagMs = 1_000 + random.next() * 3_000
  for (const { near, far } of network.connections)
    for (const end of [near, far])
      if (end.node.peerId === heir.options.identity.peerId && end.remotePeer === relay.peerId) end.resetTransfers()
  loop.after(100 + random.next() * 1_000, () => fail(world, heir))
  loop.after(6_000, () => (link.transferLagMs = 0))
}

/** Its own machine is going now, perhaps in the moment in which its predecessor dials it again. */
function goes(world: World, heir: PeerMachine): void {
  const { random, loop } = world
  if (random.next() < 0.7) breakAll(world, heir)
  loop.after(random.next() * 300, () => goAway(world, heir, drawNotice(random, heir.options.lanes)))
}
