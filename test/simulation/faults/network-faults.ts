// Links that are cut and heal, connections that break, machines that are cut off, slow links, dials that fail.

import type { World } from '../world.ts'
import { pick, type FaultKind } from './fault-kind.ts'

export const networkFaults: FaultKind = {
  name: 'network',
  probability: 0.6,
  faults: (world) => [
    cut(world, 1_000),
    cut(world, 20_000),
    breakOne(world),
    breakOne(world),
    breakSocket(world),
    isolate(world),
    slow(world),
    refuse(world),
  ],
}

function cut({ random, loop, network, log }: World, maxMs: number) {
  return () => {
    const links = network.links()
    if (links.length === 0) return
    const link = pick(random, links)
    log(`a link is cut`)
    network.cut(link)
    loop.after(random.next() * maxMs, () => network.heal(link))
  }
}

function breakOne({ random, network, log }: World) {
  return () => {
    const open = [...network.connections]
    if (open.length === 0) return
    const { near, far } = pick(random, open)
    log(`a connection breaks`)
    ;(random.next() < 0.5 ? near : far).break('a router forgot it')
  }
}

function breakSocket({ random, network, log }: World) {
  return () => {
    const open = [...network.dataLinks]
    if (open.length === 0) return
    log('a data socket breaks')
    pick(random, open).break()
  }
}

function isolate({ random, loop, network, peers, log }: World) {
  return () => {
    const { name, options } = pick(random, peers)
    const links = network.linksOf(options.identity.peerId)
    for (const link of links) network.cut(link)
    log(`${name} is cut off`)
    loop.after(random.next() * 20_000, () => links.forEach((link) => network.heal(link)))
  }
}

function slow({ random, network }: World) {
  return () => {
    for (const link of network.links()) link.latencyMs = random.next() * 400
  }
}

function refuse({ random, loop, network }: World) {
  return () => {
    network.dialFailure = random.next()
    loop.after(random.next() * 10_000, () => (network.dialFailure = 0))
  }
}
