// Peers of one pool within this process, over real sockets: predecessors with state of their own, and heirs whose state can be looked at.

import { createHash } from 'node:crypto'
import { EventLog, type PeerEvent } from '../../peer/events.ts'
import { handOff } from '../../peer/handoff/predecessor.ts'
import { InheritanceDesk } from '../../peer/inherit/desk.ts'
import { inherit } from '../../peer/inherit/inherit.ts'
import { waitForAssignment } from '../../peer/inherit/wait.ts'
import { joinPool, type Membership } from '../../peer/membership.ts'
import { RelayClient } from '../../peer/relay-client.ts'
import type { HandoffResult } from '../../peer/result.ts'
import type { Sink, Source } from '../../peer/source/source.ts'
import { systemClock, type Clock } from '../../src/clock.ts'
import type { LaneKind } from '../../src/lane/lane.ts'
import { createNode, type Node } from '../../src/net/node.ts'
import { createIdentity } from '../../src/seal/identity.ts'
import type { PoolSecret } from '../../src/seal/pool-key.ts'
import type { Assignment } from '../../src/wire/gen/control_pb.ts'

export const local = '/ip4/127.0.0.1/tcp/0'

/** A test of this kind that hangs ends so. */
const signal = () => AbortSignal.timeout(60_000)

export class PoolPeer implements AsyncDisposable {
  readonly membership: Membership
  readonly node: Node
  readonly relay: RelayClient
  readonly events: EventLog
  readonly said: PeerEvent[] = []
  readonly clock: Clock
  #desk: Promise<InheritanceDesk> | undefined

  private constructor(membership: Membership, node: Node, relay: RelayClient, clock: Clock) {
    this.membership = membership
    this.node = node
    this.relay = relay
    this.clock = clock
    this.events = new EventLog(clock)
    this.events.listen((event) => void this.said.push(event))
  }

  static async open(pool: PoolSecret, address: string, clock = systemClock): Promise<PoolPeer> {
    const membership = joinPool({ kind: 'secret', pool }, createIdentity(), clock, 'receive')
    const node = await createNode({ seed: membership.identity.seed, listen: [local] })
    const relay = new RelayClient({ node, addresses: [address], certificate: () => membership.certificate(), clock })
    await relay.connect({ signal: signal() })
    return new PoolPeer(membership, node, relay, clock)
  }

  /** Gives the state away; answers how it went. */
  async handOff(state: State, lanes: readonly LaneKind[] = ['store']): Promise<HandoffResult> {
    const limits = { lanes, reserveMs: 500, bytesMax: undefined, rateBytesPerSecondMax: undefined, keepMs: 600_000 }
    const { membership, node, relay, events, clock } = this
    const { result } = await handOff({
      membership,
      node,
      relay,
      events,
      clock,
      reason: 'test',
      deadlineMs: 20_000,
      sources: [sourceOf(state)],
      limits,
    })
    return result
  }

  /** What the relay gives it; undefined for nothing within the time. */
  async wait(waitMs = 20_000, onNothing = () => {}): Promise<Assignment | undefined> {
    return (await waitForAssignment({ relays: [this.relay], clock: systemClock, waitMs, signal: signal(), onNothing }))?.assignment
  }

  /** Restores a handoff into `state`. */
  async inherit(assignment: Assignment, state: State, journalDirectory: string, lanes: readonly LaneKind[] = ['store', 'stream']) {
    this.#desk ??= InheritanceDesk.open(this.node, systemClock)
    const { membership, node, relay, events, clock } = this
    const sink = sinkOf(state)
    const taking = { assignment, desk: await this.#desk, sinkOf: () => sink, sinks: [sink], journalDirectory, lanes }
    return inherit({ membership, node, relay, events, clock, signal: signal(), ...taking })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.relay[Symbol.asyncDispose]()
    await this.node[Symbol.asyncDispose]()
  }
}

/** Chunks by id. */
export type State = Map<string, Buffer>

/** Bytes that nothing compresses, different for each owner: some packs of them. */
export function stateOf(owner: string, chunks = 30, chunkBytes = 150_000): State {
  return new Map(Array.from({ length: chunks }, (_, index) => [`chunk ${index}`, bytesOf(`${owner} ${index}`, chunkBytes)]))
}

function bytesOf(seed: string, bytes: number): Buffer {
  const block = createHash('shake256', { outputLength: bytes }).update(seed).digest()
  return block
}

/** Whether every chunk that is there is one of `whole`. */
export function isPartOf(state: State, whole: State): boolean {
  return [...state].every(([id, bytes]) => whole.get(id)?.equals(bytes) === true)
}

const kind = 'memory'
const name = 'memory'

function sourceOf(state: State): Source {
  return {
    name,
    kind,
    async warm() {},
    async *inventory() {
      yield [...state].map(([id, bytes]) => ({ id, kind: 'data' as const, bytes: bytes.byteLength }))
    },
    async *read(chunks) {
      for (const chunk of chunks) {
        const bytes = state.get(chunk.id)!
        yield [{ chunk, offset: 0, chunkBytes: bytes.byteLength, bytes }]
      }
    },
    async [Symbol.asyncDispose]() {},
  }
}

function sinkOf(state: State): Sink {
  const parts = new Map<string, { left: number; readonly bytes: Buffer }>()
  return {
    name,
    kind,
    async restore(fragments) {
      const unfinished: number[] = []
      for (const [index, { id, offset, chunkBytes, bytes: body }] of fragments.entries()) {
        const part = parts.get(id) ?? { left: chunkBytes, bytes: Buffer.alloc(chunkBytes) }
        parts.set(id, part)
        part.bytes.set(body, offset)
        part.left -= body.byteLength
        if (part.left > 0) unfinished.push(index)
        else state.set(id, part.bytes)
      }
      return { unfinished, refused: [] }
    },
    async recall() {},
    async finish() {
      return {}
    },
    async [Symbol.asyncDispose]() {},
  }
}
