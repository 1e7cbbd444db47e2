// One enrolled peer among many: hands off from memory to the relay's store, or inherits from there and drops what it gets.

import { join } from 'node:path'
import { EventLog } from '../../peer/events.ts'
import { handOff } from '../../peer/handoff/predecessor.ts'
import { InheritanceDesk } from '../../peer/inherit/desk.ts'
import { inherit } from '../../peer/inherit/inherit.ts'
import { waitForAssignment } from '../../peer/inherit/wait.ts'
import { joinPool, type Membership } from '../../peer/membership.ts'
import { RelayClient } from '../../peer/relay-client.ts'
import type { HandoffResult } from '../../peer/result.ts'
import type { Source } from '../../peer/source/source.ts'
import { systemClock } from '../../src/clock.ts'
import { DataEnd } from '../../src/lane/data-end.ts'
import { createNode, type Node } from '../../src/net/node.ts'
import { laneKinds } from '../../src/lane/lane.ts'
import { reserveMs } from '../../src/limits/handoff.ts'
import { keepMs } from '../../src/limits/relay.ts'
import { createIdentity } from '../../src/seal/identity.ts'
import type { PoolSecret } from '../../src/seal/pool-key.ts'
import { createDroppingSink } from '../bench/memory-state.ts'

/** Far longer than any of this takes. */
const deadlineMs = 20 * 60 * 1000

/** There is a handoff for everybody. */
const waitMs = 5 * 60 * 1000

export class MemoryPeer implements AsyncDisposable {
  /** Acknowledged, or restored. */
  movedBytes = 0
  readonly #membership: Membership
  readonly #node: Node
  readonly #relay: RelayClient
  readonly #events = new EventLog(systemClock)

  private constructor(membership: Membership, node: Node, relay: RelayClient) {
    this.#membership = membership
    this.#node = node
    this.#relay = relay
  }

  /** Resolves when it is enrolled. */
  static async open(pool: PoolSecret, address: string, signal: AbortSignal): Promise<MemoryPeer> {
    const membership = joinPool({ kind: 'secret', pool }, createIdentity(), systemClock, 'receive')
    const node = await createNode({ seed: membership.identity.seed, listen: [] })
    const relay = new RelayClient({ node, addresses: [address], certificate: () => membership.certificate(), clock: systemClock })
    await relay.connectPatiently({ signal })
    return new MemoryPeer(membership, node, relay)
  }

  /** Answers the outcome, or what it failed with. */
  async handOff(source: Source): Promise<string> {
    const limits = { lanes: ['store' as const], reserveMs: 1000, bytesMax: undefined, rateBytesPerSecondMax: undefined, keepMs: deadlineMs }
    const { result } = await handOff({
      ...this.#common(),
      reason: 'load',
      deadlineMs,
      sources: [source],
      limits,
      onProgress: (progress) => (this.movedBytes = progress.bytesDone),
    })
    this.movedBytes = result.bytes.delivered
    return result.outcome
  }

  /** As an agent does whose notice leaves it so little time: by value, and with what a policy says unless it is told. */
  async handOffWithin(deadlineMs: number, sources: readonly Source[]): Promise<{ result: HandoffResult; receipt: string }> {
    const limits = { lanes: laneKinds, reserveMs, bytesMax: undefined, rateBytesPerSecondMax: undefined, keepMs }
    const criteria = () => ({ order: 'forecast' as const })
    return await handOff({ ...this.#common(), reason: 'storm', deadlineMs, sources, criteria, limits })
  }

  async inherit(folder: string, signal: AbortSignal): Promise<string> {
    const common = this.#common()
    const desk = await InheritanceDesk.open(this.#node, systemClock)
    const assigned = await waitForAssignment({ ...common, relays: [this.#relay], waitMs, signal })
    if (assigned === undefined) return 'nothing came'
    const sink = createDroppingSink((bytes) => (this.movedBytes += bytes))
    const taking = {
      ...assigned,
      desk,
      sinkOf: () => sink,
      sinks: [sink],
      journalDirectory: join(folder, this.#node.peerId),
      lanes: ['store' as const],
    }
    const { result } = await inherit({ ...common, ...taking, signal })
    return result.outcome
  }

  #common() {
    return {
      membership: this.#membership,
      node: this.#node,
      relay: this.#relay,
      events: this.#events,
      clock: systemClock,
      data: new DataEnd(systemClock),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#relay[Symbol.asyncDispose]()
    await this.#node[Symbol.asyncDispose]()
  }
}
