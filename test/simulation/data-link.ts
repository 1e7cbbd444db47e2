// A TCP connection for packs between two machines, beside the libp2p connection that they have: it is dialled to one of them, breaks on its own, and
// ends with either process.

import type { SeededRandom } from '../helpers/seed.ts'
import { DataLineWatch } from './data-line-watch.ts'
import { SimulatedSocket } from './data-socket.ts'
import { Lines } from './lines.ts'
import type { Network, SimulatedNode } from './network.ts'

/** What stands before a machine's data port. */
export type DataWall = 'open' | 'refuses' | 'swallows'

export function drawDataWall(random: SeededRandom): DataWall {
  const luck = random.next()
  return luck < 0.8 ? 'open' : luck < 0.9 ? 'refuses' : 'swallows'
}

/** Dials; the socket learns what becomes of it. */
export function dialData(network: Network, from: SimulatedNode, to: string, port: number, near: SimulatedSocket): void {
  const { loop, random } = network.options
  const link = network.link(from.peerId, to)
  const answer = (run: () => void) => from.process.after(2 * link.latencyMs + random.next() * link.jitterMs, run)
  const attempt = () => {
    if (link.isCut) return void link.whenHealed.add(attempt)
    answer(() => {
      if (near.destroyed) return
      const other = network.nodes.get(to)
      if (other?.dataWall === 'swallows' || (other !== undefined && !other.isReachable)) return
      const take = other?.listens === true ? other.dataServers.get(port) : undefined
      if (other === undefined || take === undefined || other.dataWall === 'refuses') return near.broken('ECONNREFUSED')
      const link = new DataLink(network, from, other, near)
      loop.after(0, () => other.process.do(() => link.accepted(take)))
      near.connected(link.lines)
    })
  }
  attempt()
}

export class DataLink {
  readonly lines: Lines
  readonly #network: Network
  readonly #ends: readonly { readonly node: SimulatedNode; readonly socket: SimulatedSocket }[]
  readonly #far: SimulatedSocket

  constructor(network: Network, from: SimulatedNode, to: SimulatedNode, near: SimulatedSocket) {
    const { options } = network
    this.#network = network
    this.lines = new Lines(options, network.link(from.peerId, to.peerId))
    this.#far = new SimulatedSocket(to.process)
    this.lines.join(near, this.#far)
    const watch = new DataLineWatch(options.transferOf)
    near.tap = watch.near
    this.#far.tap = watch.far
    this.#ends = [
      { node: from, socket: near },
      { node: to, socket: this.#far },
    ]
    network.dataLinks.add(this)
    for (const { node } of this.#ends) node.process.onKilled(() => this.#lost(node))
    for (const { socket } of this.#ends) socket.once('close', () => network.dataLinks.delete(this))
  }

  accepted(take: (socket: SimulatedSocket) => void): void {
    this.#far.connected(this.lines)
    take(this.#far)
  }

  /** Each end finds out at another time. */
  break(): void {
    const { loop, random } = this.#network.options
    for (const { node, socket } of this.#ends) loop.after(random.next() * 3_000, () => node.process.do(() => socket.broken('ECONNRESET')))
  }

  /** The process is gone, its system says so; a machine without power says nothing. */
  #lost(gone: SimulatedNode): void {
    const link = this.#network.link(this.#ends[0]!.node.peerId, this.#ends[1]!.node.peerId)
    const other = this.#ends.find(({ node }) => node !== gone)
    const tell = () => other?.node.process.do(() => other.socket.broken('ECONNRESET'))
    const say = () => (link.isCut ? void link.whenHealed.add(say) : void this.#network.options.loop.after(link.latencyMs, tell))
    if (gone.process.diedSilently) this.#network.whenBack(gone.peerId, say)
    else say()
  }
}
