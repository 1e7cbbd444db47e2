// The only place that knows libp2p: a node that listens, dials and opens framed channels (TCP, Noise, Yamux).
// libp2p's defaults that don't fit fleets of dying VMs are set on purpose here; each says why.

import { noise } from '@chainsafe/libp2p-noise'
import { privateKeyFromRaw } from '@libp2p/crypto/keys'
import type { Connection, Libp2p, PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { asHeirloomError, HeirloomError } from '../errors.ts'
import { dialTimeoutMs } from '../limits/link.ts'
import { splitPartsMax } from '../limits/plan.ts'
import { addressBytesMax } from '../limits/wire.ts'
import { ed25519Private, ed25519Public } from '../seal/ed25519.ts'
import type { Channel } from '../wire/channel.ts'
import { isCircuit, openConnection } from './circuit-address.ts'
import { circuitServer, Circuits, circuitUser, type CircuitRules } from './circuit.ts'
import { createNoiseCrypto } from './noise-crypto.ts'
import { StreamChannel } from './stream-channel.ts'

export interface NodeOptions {
  /** 32 random bytes: the seed of the node's Ed25519 identity. */
  readonly seed: Uint8Array
  /** Multiaddrs to listen on; none for a node that only dials. */
  readonly listen: readonly string[]
  /** Connections at a time, in and out. */
  readonly connectionsMax?: number
  /** What may come on a stream before it is read grows up to this on fast links; at least 4 MiB. */
  readonly streamWindowBytesMax?: number
  /** `use`: may be reached, and reach others, through relays. With rules it is a relay that lends circuits. Without it: neither. */
  readonly circuits?: 'use' | CircuitRules | undefined
}

export interface Node extends AsyncDisposable {
  /** In text form, 12D3KooW…. */
  readonly peerId: string
  /** Multiaddrs with the peer id, as others can dial them. */
  addresses(): string[]
  /** Calls `accept` with the channel of every stream that another node opens on this protocol. */
  handle(protocol: string, accept: (channel: Channel) => void): Promise<void>
  /**
   * Opens a channel to a peer, over the connection there is or a new one. Addresses must end in /p2p/PEER, and all lead there directly or all through relays.
   * Throws `link-lost` when nobody answers, `unsupported` for a protocol that isn't spoken there, `usage` for an address that isn't one.
   */
  open(addresses: readonly string[], protocol: string, options: { signal: AbortSignal }): Promise<Channel>
  /** Closes all connections to a peer at once. */
  hangUp(peerId: string): void
}

/** A node that also makes connections ahead of time. */
export interface LinkingNode extends Node {
  /** Makes sure that there is a connection, so that a channel opens sooner. Throws as `open`. */
  connect(addresses: readonly string[], options: { signal: AbortSignal }): Promise<void>
  /** Makes this node reachable through a relay that it has a connection to. Throws `unsupported` when the relay lends no circuits. */
  reserve(relayAddress: string): Promise<void>
  /** Closes the connections to a peer over which nothing goes. */
  release(peerId: string): void
}

/** One stream carries everything between two peers at full speed, so its window is as large as yamux allows sensibly. */
const streamWindowBytes = 4 * 1024 * 1024

/** Streams of one protocol that another node may have open to this one: one for each part of a divided handoff, and some that are ending. */
const streamsPerProtocolMax = splitPartsMax + 8

export async function createNode({
  seed,
  listen,
  connectionsMax = 4096,
  streamWindowBytesMax = 4 * streamWindowBytes,
  circuits,
}: NodeOptions): Promise<LinkingNode> {
  const user = circuits === 'use' ? circuitUser() : undefined
  const server = circuits === 'use' || circuits === undefined ? undefined : circuitServer(circuits)
  const libp2p = await createLibp2p({
    // With its public half: libp2p would work it out in JavaScript, for which a start would wait.
    privateKey: privateKeyFromRaw(Buffer.concat([seed, ed25519Public(ed25519Private(seed))])),
    addresses: { listen: [...listen] },
    transports: [
      tcp({ inboundSocketInactivityTimeout: 0x7fffffff, outboundSocketInactivityTimeout: 0x7fffffff }),
      ...(user?.transports ?? []),
    ],
    ...(server && { connectionGater: server.connectionGater }),
    services: { ...user?.services, ...server?.services },
    connectionEncrypters: [noise({ crypto: createNoiseCrypto() })],
    streamMuxers: [
      yamux({
        streamOptions: {
          // Both ends take it for granted: it is the same everywhere.
          initialStreamWindowSize: streamWindowBytes,
          maxStreamWindowSize: streamWindowBytesMax,
          inactivityTimeout: 0x7fffffff,
        },
        maxInboundStreams: 64,
        maxOutboundStreams: 64,
      }),
    ],
    connectionManager: {
      maxConnections: connectionsMax,
      // Many VMs behind one NAT are reclaimed in the same second; the default of 5 a second would turn them away.
      inboundConnectionThreshold: connectionsMax,
      maxIncomingPendingConnections: 512,
      // Whoever dials here knows when to try again; a second retry loop below would fight with it.
      reconnectRetries: 0,
    },
    // It aborts a connection whose ping is late, which a busy event loop makes it. Leases and stall times do that job here.
    connectionMonitor: { enabled: false },
  })
  // It would keep what it knows of every peer for hours: VMs come and go, and whoever dials one has its addresses.
  libp2p.addEventListener('peer:disconnect', ({ detail }) => void libp2p.peerStore.delete(detail).catch(() => {}))
  return new LibP2PNode(libp2p)
}

class LibP2PNode implements LinkingNode {
  readonly #libp2p: Libp2p
  #disposed: Promise<void> | undefined

  constructor(libp2p: Libp2p) {
    this.#libp2p = libp2p
  }

  get peerId(): string {
    return this.#libp2p.peerId.toString()
  }

  addresses(): string[] {
    // Through which relays it may be reached is for those to know who have a link there.
    return this.#libp2p
      .getMultiaddrs()
      .filter((address) => !isCircuit(address))
      .map(String)
  }

  async handle(protocol: string, accept: (channel: Channel) => void): Promise<void> {
    const limits = { maxInboundStreams: streamsPerProtocolMax, maxOutboundStreams: 64 }
    await this.#libp2p.handle(protocol, (stream, connection) => accept(new StreamChannel(stream, connection)), limits)
  }

  async open(addresses: readonly string[], protocol: string, { signal }: { signal: AbortSignal }): Promise<Channel> {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(dialTimeoutMs)])
    try {
      const connection = await this.#connectionTo(addresses, limited)
      const stream = await connection.newStream(protocol, { signal: limited, maxOutboundStreams: 64 })
      return new StreamChannel(stream, connection)
    } catch (thrown) {
      signal.throwIfAborted()
      if ((thrown as Error).name === 'UnsupportedProtocolError')
        throw new HeirloomError('unsupported', `the other side does not speak ${protocol}`, { cause: thrown })
      throw noLink(addresses, thrown)
    }
  }

  async connect(addresses: readonly string[], { signal }: { signal: AbortSignal }): Promise<void> {
    try {
      await this.#connectionTo(addresses, AbortSignal.any([signal, AbortSignal.timeout(dialTimeoutMs)]))
    } catch (thrown) {
      signal.throwIfAborted()
      throw noLink(addresses, thrown)
    }
  }

  release(peerId: string): void {
    for (const connection of this.#libp2p.getConnections(peerIdFromString(peerId))) {
      if (connection.streams.length === 0) connection.abort(new HeirloomError('link-lost', 'not needed any more'))
    }
  }

  async #connectionTo(addresses: readonly string[], signal: AbortSignal): Promise<Connection> {
    const { peer, targets } = parseAddresses(addresses)
    const throughRelay = targets.every(isCircuit)
    const known = openConnection(this.#libp2p.getConnections(peer), peer, throughRelay)
    // Forced, since libp2p would be content with a connection of the other kind.
    return known ?? (await this.#dialOrBeDialled(peer, targets, { signal, throughRelay }))
  }

  /** The other side may be the one that can dial: its connection serves as well, and may be here long before our own attempt has failed. */
  async #dialOrBeDialled(peer: PeerId, targets: Multiaddr[], { signal, throughRelay }: { signal: AbortSignal; throughRelay: boolean }) {
    const dialled = Promise.withResolvers<Connection>()
    const onOpen = ({ detail }: CustomEvent<Connection>) => {
      const fits = openConnection([detail], peer, throughRelay)
      if (fits !== undefined) dialled.resolve(fits)
    }
    this.#libp2p.addEventListener('connection:open', onOpen)
    try {
      return await Promise.race([
        throughRelay ? this.#circuits.dial(targets[0]!, { signal }) : this.#libp2p.dial(targets, { signal, force: true }),
        dialled.promise,
      ])
    } finally {
      this.#libp2p.removeEventListener('connection:open', onOpen)
    }
  }

  get #circuits(): Circuits {
    const { circuits } = this.#libp2p.services as { circuits?: unknown }
    if (!(circuits instanceof Circuits)) throw new HeirloomError('unsupported', 'this node uses no circuits')
    return circuits
  }

  async reserve(relayAddress: string): Promise<void> {
    const circuits = this.#circuits
    try {
      await circuits.reserve(relayAddress)
    } catch (thrown) {
      const { message } = asHeirloomError(thrown)
      throw new HeirloomError('unsupported', `the relay lends no circuit: ${message}`, { cause: thrown })
    }
  }

  hangUp(peerId: string): void {
    for (const connection of this.#libp2p.getConnections(peerIdFromString(peerId))) {
      connection.abort(new HeirloomError('link-lost', 'hung up'))
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= Promise.resolve(this.#libp2p.stop())
    return this.#disposed
  }
}

function noLink(addresses: readonly string[], thrown: unknown): HeirloomError {
  const { code, message } = asHeirloomError(thrown, 'link-lost')
  if (code === 'usage') return thrown as HeirloomError
  return new HeirloomError('link-lost', `no link to ${addresses[0]}: ${message}`, {
    cause: thrown,
    hint: 'is it running, is the address right, and does a firewall let its port through?',
  })
}

/** Reads multiaddrs that must all name the same peer; throws `usage` with what is wrong. */
export function parseAddresses(addresses: readonly string[]): { peer: PeerId; targets: Multiaddr[] } {
  if (addresses.length === 0) throw new HeirloomError('usage', 'there is no address to dial')
  const targets = addresses.map(parseAddress)
  const peer = peerIdFromString(targets[0]!.peer)
  if (targets.some((target) => target.peer !== targets[0]!.peer)) {
    throw new HeirloomError('usage', 'addresses of different peers were given for one', { hint: `compare the parts after /p2p/` })
  }
  return { peer, targets: targets.map((target) => target.address) }
}

/** One multiaddr with its peer id; throws `usage`. */
export function parseAddress(text: string): { address: Multiaddr; peer: string } {
  const hint = 'an address looks like /ip4/10.0.0.5/tcp/4001/p2p/12D3KooW…'
  if (text.length > addressBytesMax) throw new HeirloomError('usage', 'an address is too long', { hint })
  try {
    const address = multiaddr(text)
    const peer = address.getComponents().findLast((component) => component.name === 'p2p')?.value
    if (peer !== undefined) return { address, peer: peerIdFromString(peer).toString() }
  } catch (thrown) {
    throw new HeirloomError('usage', `${JSON.stringify(text)} is not a multiaddr`, { hint, cause: thrown })
  }
  throw new HeirloomError('usage', `${text} doesn't say which peer it is: /p2p/… is missing`, { hint })
}
