// A connection of two simulated nodes, and the streams on it, which overtake one another. It may break so that each end learns of it at another time.

import { HeirloomError } from '../../src/errors.ts'
import { StreamChannel } from '../../src/net/stream-channel.ts'
import type { Channel } from '../../src/wire/channel.ts'
import { controlProtocol } from '../../src/wire/protocols.ts'
import { hostName } from './data-net.ts'
import type { Network, SimulatedNode } from './network.ts'
import type { Path } from './path.ts'
import { SimulatedStream } from './stream.ts'

/** After this long a transport gives up on a silent other side. */
const transportTimeoutMs = 900_000

export class Connection {
  readonly near: ConnectionEnd
  readonly far: ConnectionEnd
  readonly network: Network
  readonly path: Path

  constructor(network: Network, near: SimulatedNode, far: SimulatedNode, path: Path) {
    this.network = network
    this.path = path
    this.near = new ConnectionEnd(this, near, far.peerId)
    this.far = new ConnectionEnd(this, far, near.peerId)
    near.joined(this.near)
    far.joined(this.far)
    network.connections.add(this)
    for (const end of [this.near, this.far]) end.node.process.onKilled(() => end.die())
  }

  other(end: ConnectionEnd): ConnectionEnd {
    return end === this.near ? this.far : this.near
  }
}

export class ConnectionEnd {
  readonly node: SimulatedNode
  readonly remotePeer: string
  readonly #connection: Connection
  readonly #streams = new Set<SimulatedStream>()
  /** Those that this end has opened for transfers. */
  readonly #transfers = new Set<SimulatedStream>()
  readonly #onEnded = new Set<() => void>()
  isOpen = true

  constructor(connection: Connection, node: SimulatedNode, remotePeer: string) {
    this.#connection = connection
    this.node = node
    this.remotePeer = remotePeer
  }

  /** The same connection at the other machine. */
  get other(): ConnectionEnd {
    return this.#connection.other(this)
  }

  /** The relay that it leads through. */
  get relay(): string | undefined {
    return this.#connection.path.relay
  }

  /** Nothing goes over it. */
  get isIdle(): boolean {
    return this.#streams.values().every((stream) => stream.isOver)
  }

  /** Calls when this side learns that it is over, in its process. */
  onEnded(run: () => void): void {
    this.#onEnded.add(run)
  }

  openStream(protocol: string, then: (channel: Channel | undefined) => void): void {
    const far = this.#connection.other(this)
    const { network, path } = this.#connection
    const { loop, tap } = network.options
    if (!this.isOpen) return then(undefined)
    const isFromNear = this === this.#connection.near
    const lines = path.lines(isFromNear)
    const near = new SimulatedStream(this.node.process, lines, loop.steps)
    const farStream = new SimulatedStream(far.node.process, lines, loop.steps)
    const [nearTap, farTap] = tap({
      opener: this.node,
      acceptor: far.node,
      protocol,
      near,
      far: farStream,
      isRelayed: path.relay !== undefined,
    })
    near.tap = nearTap
    farStream.tap = farTap
    const isTransfer = protocol !== controlProtocol
    lines.join(near, farStream, isTransfer ? path.transferLagMs : 0)
    if (isTransfer) this.#transfers.add(near)
    this.#streams.add(near)
    // A connection that ends fails what is being opened on it.
    near.addEventListener('close', () => then(undefined), { once: true })
    path.ask(
      () =>
        far.node.process.do(() => {
          const accept = far.node.handlers.get(protocol)
          if (!far.isOpen || accept === undefined) return this.node.process.do(() => then(undefined))
          far.#streams.add(farStream)
          accept(new StreamChannel(farStream.asLibP2P, between(far.node.peerId, this.node.peerId, path.relay)))
          const opened = () =>
            this.isOpen ? then(new StreamChannel(near.asLibP2P, between(this.node.peerId, this.remotePeer, path.relay))) : then(undefined)
          path.answer(this.node.process, opened, isFromNear)
        }),
      isFromNear,
    )
  }

  /** The transfers that this end has opened break, and nothing else. */
  resetTransfers(): void {
    const streams = [...this.#transfers]
    this.#transfers.clear()
    this.node.process.do(() => streams.forEach((stream) => stream.abort(new HeirloomError('link-lost', 'the stream was reset'))))
  }

  /** This side ends it; the other learns of it when the network lets it. */
  break(why: string): void {
    if (!this.isOpen) return
    this.#tellOther()
    this.#end(why)
  }

  /** What it goes over is gone. */
  lose(why: string): void {
    this.#connection.network.connections.delete(this.#connection)
    this.#end(why)
  }

  /** The process is gone, its system says so. */
  die(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.node.left(this)
    for (const stream of this.#streams) stream.tap?.closed()
    this.#tellOther()
  }

  #tellOther(): void {
    const { path, network } = this.#connection
    const other = this.#connection.other(this)
    const { loop } = network.options
    network.connections.delete(this.#connection)
    let isTold = false
    const tell = () => {
      if (isTold) return
      isTold = true
      other.node.process.do(() => other.#end('the other side is gone'))
    }
    const say = () => path.tell(tell, this === this.#connection.near)
    // A machine that lost its power says nothing; whoever has a connection to it learns when it is back, or much later.
    if (this.node.process.diedSilently) network.whenBack(this.node.peerId, say)
    else say()
    loop.after(transportTimeoutMs, tell)
  }

  #end(why: string): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.node.left(this)
    const error = new HeirloomError('link-lost', why)
    for (const stream of this.#streams) stream.end(error)
    for (const run of this.#onEnded) run()
  }
}

/** What a channel wants to know of its connection: who is at the other end, and where. */
function between(own: string, remotePeer: string, relay: string | undefined): ConstructorParameters<typeof StreamChannel>[1] {
  const host = { name: 'dns4', value: hostName(own, relay ?? remotePeer) }
  const way = relay === undefined ? [host] : [host, { name: 'p2p', value: relay }, { name: 'p2p-circuit' }]
  return { remotePeer, remoteAddr: { getComponents: () => way } } as unknown as ConstructorParameters<typeof StreamChannel>[1]
}
