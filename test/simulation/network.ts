// The simulated network: nodes with connections, streams on them. Links have latency, jitter and a rate; they may be cut without a word,
// heal again, and connections may break so that each end learns of it at another time. Streams of one connection overtake one another.

import { HeirloomError } from '../../src/errors.ts'
import { dialTimeoutMs } from '../../src/limits/link.ts'
import { parseAddresses, type Node } from '../../src/net/node.ts'
import { StreamChannel } from '../../src/net/stream-channel.ts'
import type { Channel } from '../../src/wire/channel.ts'
import { controlProtocol } from '../../src/wire/protocols.ts'
import type { SeededRandom } from '../helpers/seed.ts'
import type { WatchedTransfer } from './data-line-watch.ts'
import { dialData, type DataLink, type DataWall } from './data-link.ts'
import { hostName, plugIn, unplug } from './data-net.ts'
import type { SimulatedSocket } from './data-socket.ts'
import type { EventLoop } from './event-loop.ts'
import { Lines } from './lines.ts'
import type { Process } from './process.ts'
import { SimulatedStream, type StreamTap } from './stream.ts'

/** After this long a transport gives up on a silent other side. */
const transportTimeoutMs = 900_000

export interface LinkState {
  latencyMs: number
  jitterMs: number
  bytesPerMs: number
  /** What is sent by whoever opens a transfer takes so much longer than what else goes over the link, on transfers that are opened from now on. */
  transferLagMs: number
  /** Nothing gets through, and nobody is told. */
  isCut: boolean
  /** Called when it is cut no more. */
  readonly whenHealed: Set<() => void>
}

/** What a machine has besides its process. */
export interface NodePlace {
  readonly addresses: readonly string[]
  readonly dataWall: DataWall
}

export interface NetworkOptions {
  readonly loop: EventLoop
  readonly random: SeededRandom
  readonly log: (text: string) => void
  /** The transfer that a data socket with this token is for. */
  readonly transferOf: (token: string) => WatchedTransfer | undefined
  /** Answers the taps of both ends of a new stream. */
  readonly tap: (opener: SimulatedNode, acceptor: SimulatedNode, protocol: string, far: SimulatedStream) => readonly [StreamTap, StreamTap]
}

export class Network {
  readonly options: NetworkOptions
  /** By peer id: who listens there now. */
  readonly nodes = new Map<string, SimulatedNode>()
  readonly #links = new Map<string, LinkState>()
  readonly connections = new Set<Connection>()
  readonly dataLinks = new Set<DataLink>()
  readonly #whenBack = new Map<string, (() => void)[]>()
  /** Dials fail at random with this probability. */
  dialFailure = 0

  constructor(options: NetworkOptions) {
    this.options = options
  }

  link(one: string, other: string): LinkState {
    const id = one < other ? `${one} ${other}` : `${other} ${one}`
    let link = this.#links.get(id)
    if (link === undefined) {
      const { random } = this.options
      link = {
        latencyMs: 0.2 + random.next() ** 3 * 80,
        jitterMs: random.next() < 0.5 ? 0 : random.next() * 20,
        bytesPerMs: 2 ** random.integer(5, 12),
        transferLagMs: 0,
        isCut: false,
        whenHealed: new Set(),
      }
      this.#links.set(id, link)
    }
    return link
  }

  links(): LinkState[] {
    return [...this.#links.values()]
  }

  /** The links of one machine. */
  linksOf(peerId: string): LinkState[] {
    return [...this.#links].flatMap(([id, link]) => (id.split(' ').includes(peerId) ? [link] : []))
  }

  cut(link: LinkState): void {
    link.isCut = true
  }

  heal(link: LinkState): void {
    link.isCut = false
    for (const run of link.whenHealed) run()
    link.whenHealed.clear()
  }

  node(process: Process, peerId: string, place: NodePlace): SimulatedNode {
    const node = new SimulatedNode(this, process, peerId, place)
    this.nodes.set(peerId, node)
    plugIn(node)
    for (const run of this.#whenBack.get(peerId) ?? []) run()
    this.#whenBack.delete(peerId)
    return node
  }

  /** It is over. */
  end(): void {
    unplug(this.nodes.keys())
  }

  /** Calls when a machine that died silently is there again. */
  whenBack(peerId: string, run: () => void): void {
    this.#whenBack.set(peerId, [...(this.#whenBack.get(peerId) ?? []), run])
  }
}

export class SimulatedNode implements Node {
  readonly peerId: string
  readonly process: Process
  readonly #network: Network
  readonly #place: NodePlace
  /** By port: who takes data sockets there. */
  readonly dataServers = new Map<number, (socket: SimulatedSocket) => void>()
  readonly handlers = new Map<string, (channel: Channel) => void>()
  readonly #connections = new Set<ConnectionEnd>()
  #disposed = false

  constructor(network: Network, process: Process, peerId: string, place: NodePlace) {
    this.#network = network
    this.process = process
    this.peerId = peerId
    this.#place = place
  }

  get listens(): boolean {
    return this.process.alive && !this.#disposed
  }

  addresses(): string[] {
    return [...this.#place.addresses]
  }

  get isReachable(): boolean {
    return this.#place.addresses.length > 0
  }

  get dataWall(): DataWall {
    return this.#place.dataWall
  }

  dialData(to: string, port: number, socket: SimulatedSocket): void {
    dialData(this.#network, this, to, port, socket)
  }

  handle(protocol: string, accept: (channel: Channel) => void): Promise<void> {
    this.handlers.set(protocol, accept)
    return Promise.resolve()
  }

  async open(addresses: readonly string[], protocol: string, { signal }: { signal: AbortSignal }): Promise<Channel> {
    signal.throwIfAborted()
    const peer = parseAddresses(addresses).peer.toString()
    const opened = Promise.withResolvers<Channel>()
    const fail = (why: string) => opened.reject(new HeirloomError('link-lost', `no link to ${addresses[0]}: ${why}`))
    const cancel = this.process.after(dialTimeoutMs, () => fail('it takes too long'))
    const onAbort = () => opened.reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    this.#connect(peer, (connection) => {
      if (connection === undefined) return fail('nobody answers')
      connection.openStream(protocol, (channel) =>
        channel === undefined ? fail('the protocol is not spoken there') : opened.resolve(channel),
      )
    })
    try {
      return await opened.promise
    } finally {
      cancel()
      signal.removeEventListener('abort', onAbort)
    }
  }

  #connect(peer: string, then: (connection: ConnectionEnd | undefined) => void): void {
    const open = this.#connections.values().find((connection) => connection.remotePeer === peer)
    if (open !== undefined) return then(open)
    const { random } = this.#network.options
    const link = this.#network.link(this.peerId, peer)
    const fails = random.next() < this.#network.dialFailure
    const attempt = () => {
      if (link.isCut) return void link.whenHealed.add(attempt)
      this.process.after(2 * link.latencyMs + random.next() * link.jitterMs, () => {
        const other = this.#network.nodes.get(peer)
        const known = this.#connections.values().find((connection) => connection.remotePeer === peer)
        if (known !== undefined) return then(known)
        if (fails || this.#disposed || other?.listens !== true) return then(undefined)
        then(new Connection(this.#network, this, other, link).near)
      })
    }
    attempt()
  }

  hangUp(peerId: string): void {
    for (const connection of this.#connections) if (connection.remotePeer === peerId) connection.break('hung up')
  }

  joined(connection: ConnectionEnd): void {
    this.#connections.add(connection)
  }

  left(connection: ConnectionEnd): void {
    this.#connections.delete(connection)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return
    this.#disposed = true
    for (const connection of this.#connections) connection.break('the node has stopped')
  }
}

export class Connection {
  readonly near: ConnectionEnd
  readonly far: ConnectionEnd
  readonly network: Network
  readonly link: LinkState
  readonly lines: Lines

  constructor(network: Network, near: SimulatedNode, far: SimulatedNode, link: LinkState) {
    this.network = network
    this.link = link
    this.lines = new Lines(network.options, link)
    this.near = new ConnectionEnd(this, near, far.peerId)
    this.far = new ConnectionEnd(this, far, near.peerId)
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
  isOpen = true

  constructor(connection: Connection, node: SimulatedNode, remotePeer: string) {
    this.#connection = connection
    this.node = node
    this.remotePeer = remotePeer
    node.joined(this)
  }

  openStream(protocol: string, then: (channel: Channel | undefined) => void): void {
    const far = this.#connection.other(this)
    const { network, link } = this.#connection
    const { loop, random, tap } = network.options
    if (!this.isOpen) return then(undefined)
    const near = new SimulatedStream(this.node.process, this.#connection.lines, loop.steps)
    const farStream = new SimulatedStream(far.node.process, this.#connection.lines, loop.steps)
    const [nearTap, farTap] = tap(this.node, far.node, protocol, farStream)
    near.tap = nearTap
    farStream.tap = farTap
    const isTransfer = protocol !== controlProtocol
    this.#connection.lines.join(near, farStream, isTransfer ? link.transferLagMs : 0)
    if (isTransfer) this.#transfers.add(near)
    this.#streams.add(near)
    // A connection that ends fails what is being opened on it.
    near.addEventListener('close', () => then(undefined), { once: true })
    const request = () => {
      if (link.isCut) return void link.whenHealed.add(request)
      loop.after(link.latencyMs + random.next() * link.jitterMs, () =>
        far.node.process.do(() => {
          const accept = far.node.handlers.get(protocol)
          if (!far.isOpen || accept === undefined) return this.node.process.do(() => then(undefined))
          far.#streams.add(farStream)
          accept(new StreamChannel(farStream.asLibP2P, between(far.node.peerId, this.node.peerId)))
          this.node.process.after(link.latencyMs, () =>
            this.isOpen ? then(new StreamChannel(near.asLibP2P, between(this.node.peerId, this.remotePeer))) : then(undefined),
          )
        }),
      )
    }
    request()
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

  /** The process is gone, its system says so. */
  die(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.node.left(this)
    for (const stream of this.#streams) stream.tap?.closed()
    this.#tellOther()
  }

  #tellOther(): void {
    const { link, network } = this.#connection
    const other = this.#connection.other(this)
    const { loop } = network.options
    network.connections.delete(this.#connection)
    let isTold = false
    const tell = () => {
      if (isTold) return
      isTold = true
      other.node.process.do(() => other.#end('the other side is gone'))
    }
    const say = () => (link.isCut ? void link.whenHealed.add(say) : void loop.after(link.latencyMs, tell))
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
  }
}

/** What a channel wants to know of its connection: who is at the other end, and where. */
function between(own: string, remotePeer: string): ConstructorParameters<typeof StreamChannel>[1] {
  const host = { name: 'dns4', value: hostName(own, remotePeer) }
  return { remotePeer, remoteAddr: { getComponents: () => [host] } } as unknown as ConstructorParameters<typeof StreamChannel>[1]
}
