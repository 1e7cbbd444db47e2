// The simulated network: nodes, and the links between their machines. Links have latency, jitter and a rate; they may be cut without a word, and heal
// again. Not every machine can be dialled; those that can't are reached through a relay, or dial themselves.

import { HeirloomError } from '../../src/errors.ts'
import { dialTimeoutMs } from '../../src/limits/link.ts'
import { isCircuit } from '../../src/net/circuit-address.ts'
import type { CircuitRules } from '../../src/net/circuit.ts'
import { parseAddresses, type LinkingNode } from '../../src/net/node.ts'
import type { Channel } from '../../src/wire/channel.ts'
import type { SeededRandom } from '../helpers/seed.ts'
import { CircuitLender, openCircuit, reserveAt } from './circuits.ts'
import { Connection, type ConnectionEnd } from './connection.ts'
import type { WatchedTransfer } from './data-line-watch.ts'
import { dialData, type DataLink, type DataWall } from './data-link.ts'
import { plugIn, unplug } from './data-net.ts'
import type { SimulatedSocket } from './data-socket.ts'
import type { EventLoop } from './event-loop.ts'
import { DirectPath } from './path.ts'
import type { Process } from './process.ts'
import type { SimulatedStream, StreamTap } from './stream.ts'

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
  /** What stands before the port at its addresses; nothing unless told. */
  readonly wall?: DataWall
  /** As production nodes take them. */
  readonly circuits?: 'use' | CircuitRules | undefined
}

/** A stream that is being opened. */
export interface OpeningStream {
  readonly opener: SimulatedNode
  readonly acceptor: SimulatedNode
  readonly protocol: string
  readonly near: SimulatedStream
  readonly far: SimulatedStream
  /** Through a relay. */
  readonly isRelayed: boolean
}

export interface NetworkOptions {
  readonly loop: EventLoop
  readonly random: SeededRandom
  readonly log: (text: string) => void
  /** The transfer that a data socket with this token is for. */
  readonly transferOf: (token: string) => WatchedTransfer | undefined
  /** Answers the taps of both ends of a new stream. */
  readonly tap: (stream: OpeningStream) => readonly [StreamTap, StreamTap]
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

/** Who waits for a direct connection. */
interface Dial {
  readonly peer: string
  readonly found: (connection: ConnectionEnd) => void
}

/** How long a relay is waited for that is asked for a place: as libp2p does. */
const reserveTimeoutMs = 5_000

export class SimulatedNode implements LinkingNode {
  readonly peerId: string
  readonly process: Process
  readonly #network: Network
  readonly #place: NodePlace
  /** By port: who takes data sockets there. */
  readonly dataServers = new Map<number, (socket: SimulatedSocket) => void>()
  readonly handlers = new Map<string, (channel: Channel) => void>()
  readonly #connections = new Set<ConnectionEnd>()
  /** Dials that nobody answers: the other side may be the one that can dial. */
  readonly #hanging = new Set<Dial>()
  /** Connections to relays at which this node has a place. */
  readonly #places = new Set<ConnectionEnd>()
  /** What a relay lends. */
  readonly lender: CircuitLender | undefined
  #disposed = false

  constructor(network: Network, process: Process, peerId: string, place: NodePlace) {
    this.#network = network
    this.process = process
    this.peerId = peerId
    this.#place = place
    const { circuits } = place
    this.lender = circuits === undefined || circuits === 'use' ? undefined : new CircuitLender(circuits)
  }

  get listens(): boolean {
    return this.process.alive && !this.#disposed
  }

  get usesCircuits(): boolean {
    return this.listens && this.#place.circuits === 'use'
  }

  addresses(): string[] {
    return [...this.#place.addresses]
  }

  get isReachable(): boolean {
    return this.#place.addresses.length > 0 && this.#wall === 'open'
  }

  get #wall(): DataWall {
    return this.#place.wall ?? 'open'
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

  open(addresses: readonly string[], protocol: string, { signal }: { signal: AbortSignal }): Promise<Channel> {
    return this.#dial<Channel>(addresses, signal, (connection, opened, fail) =>
      connection.openStream(protocol, (channel) => (channel === undefined ? fail('the protocol is not spoken there') : opened(channel))),
    )
  }

  async connect(addresses: readonly string[], { signal }: { signal: AbortSignal }): Promise<void> {
    await this.#dial<void>(addresses, signal, (_, opened) => opened())
  }

  /** Gets a connection to the peer of these addresses, of their kind, and does with it what is to be done. */
  async #dial<Answer>(
    addresses: readonly string[],
    signal: AbortSignal,
    use: (connection: ConnectionEnd, opened: (answer: Answer) => void, fail: (why: string) => void) => void,
  ): Promise<Answer> {
    signal.throwIfAborted()
    const { peer, targets } = parseAddresses(addresses)
    const to = peer.toString()
    const opened = Promise.withResolvers<Answer>()
    const fail = (why: string) => opened.reject(new HeirloomError('link-lost', `no link to ${addresses[0]}: ${why}`))
    const cancel = this.process.after(dialTimeoutMs, () => fail('it takes too long'))
    const onAbort = () => opened.reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const then = (connection: ConnectionEnd | undefined) =>
      connection === undefined ? fail('nobody answers') : use(connection, opened.resolve, fail)
    const isRelayed = targets.every(isCircuit)
    if (isRelayed) this.#connectThrough(relayOf(targets[0]!), to, then)
    else this.#connect(to, then)
    try {
      return await opened.promise
    } finally {
      cancel()
      signal.removeEventListener('abort', onAbort)
      for (const dial of this.#hanging) if (dial.found === then) this.#hanging.delete(dial)
    }
  }

  /** Over the direct connection there is to a peer. */
  connectionTo(peer: string, isRelayed = false): ConnectionEnd | undefined {
    return this.#connections.values().find(({ remotePeer, relay }) => remotePeer === peer && (relay !== undefined) === isRelayed)
  }

  #connect(peer: string, then: (connection: ConnectionEnd | undefined) => void): void {
    const open = this.connectionTo(peer)
    if (open !== undefined) return then(open)
    const { random } = this.#network.options
    const link = this.#network.link(this.peerId, peer)
    const fails = random.next() < this.#network.dialFailure
    const attempt = () => {
      if (link.isCut) return void link.whenHealed.add(attempt)
      this.process.after(2 * link.latencyMs + random.next() * link.jitterMs, () => {
        const other = this.#network.nodes.get(peer)
        const known = this.connectionTo(peer)
        if (known !== undefined) return then(known)
        if (other !== undefined && other.#wall === 'swallows') return void this.#hanging.add({ peer, found: then })
        if (fails || this.#disposed || other?.listens !== true || other.#wall === 'refuses') return then(undefined)
        then(new Connection(this.#network, this, other, new DirectPath(this.#network.options, link)).near)
      })
    }
    attempt()
  }

  #connectThrough(relay: string, peer: string, then: (connection: ConnectionEnd | undefined) => void): void {
    const open = this.connectionTo(peer, true)
    if (open !== undefined) return then(open)
    this.#connect(relay, (toRelay) => {
      if (toRelay === undefined || this.#place.circuits !== 'use') return then(undefined)
      openCircuit(this.#network, toRelay, peer, (circuit) => then(this.connectionTo(peer, true) ?? circuit))
    })
  }

  /** A place lasts as long as the connection on which it was given. */
  async reserve(relayAddress: string): Promise<void> {
    const given = Promise.withResolvers<void>()
    const fail = (why: string) => given.reject(new HeirloomError('unsupported', `the relay lends no circuit: ${why}`))
    const cancel = this.process.after(reserveTimeoutMs, () => fail('it takes too long'))
    const { peer } = parseAddresses([relayAddress])
    this.#connect(peer.toString(), (toRelay) => {
      if (toRelay === undefined) return fail('nobody answers')
      if (this.#places.has(toRelay)) return given.resolve()
      reserveAt(this.#network, toRelay, (isPlace) => {
        if (!isPlace) return fail('it was refused')
        this.#places.add(toRelay)
        given.resolve()
      })
    })
    try {
      await given.promise
    } finally {
      cancel()
    }
  }

  release(peerId: string): void {
    for (const connection of this.#connections)
      if (connection.remotePeer === peerId && connection.isIdle) connection.break('not needed any more')
  }

  hangUp(peerId: string): void {
    for (const connection of this.#connections) if (connection.remotePeer === peerId) connection.break('hung up')
  }

  joined(connection: ConnectionEnd): void {
    this.#connections.add(connection)
    if (connection.relay !== undefined) return
    for (const { peer, found } of this.#hanging) if (peer === connection.remotePeer) this.process.do(() => found(connection))
  }

  left(connection: ConnectionEnd): void {
    this.#connections.delete(connection)
    this.#places.delete(connection)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return
    this.#disposed = true
    for (const connection of this.#connections) connection.break('the node has stopped')
  }
}

/** The peer at which an address enters a circuit. */
function relayOf(address: ReturnType<typeof parseAddresses>['targets'][number]): string {
  const components = address.getComponents()
  const entry = components.findIndex(({ name }) => name === 'p2p-circuit')
  return components.slice(0, entry).findLast(({ name }) => name === 'p2p')!.value!
}
