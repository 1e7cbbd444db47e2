// A relay that peers enrol with as with any other, and that does what it likes: the production one, with hands in its store and in its answers.

import { createRelay, type Relay } from '../../relay/relay.ts'
import { createMemoryPackStore } from '../../relay/store/memory-pack-store.ts'
import { createMemoryRecordStore } from '../../relay/store/memory-record-store.ts'
import type { HandoffKey, HandoffRecord, PackStore } from '../../relay/store/store.ts'
import { systemClock } from '../../src/clock.ts'
import { createNode, type Node } from '../../src/net/node.ts'
import { createIdentity } from '../../src/seal/identity.ts'
import type { PoolPublic } from '../../src/seal/pool-key.ts'
import { controlProtocol, transferProtocol } from '../../src/wire/protocols.ts'
import { local } from './pool-peers.ts'

/** What it gives out in the place of a pack; undefined: nothing. */
export type Serve = (key: HandoffKey, number: number, honest: Uint8Array | undefined) => Uint8Array | undefined

export class EvilRelay implements AsyncDisposable {
  readonly relay: Relay
  readonly packs: PackStore
  readonly #node: Node
  /** Packs of handoffs that were dropped long ago: this relay forgets nothing. */
  readonly #kept = new Map<string, Map<number, Uint8Array>>()
  serve: Serve = (_key, _number, honest) => honest

  private constructor(node: Node, pools: readonly PoolPublic[]) {
    this.#node = node
    this.packs = this.#meddle(createMemoryPackStore())
    const { packs } = this
    const terms = { quota: {}, clock: systemClock, leaseMs: 10_000, keepMsMax: 86_400_000, onWarning: () => {} }
    this.relay = createRelay({ self: node.peerId, packs, records: createMemoryRecordStore(), pools, ...terms })
  }

  static async open(...pools: readonly PoolPublic[]): Promise<EvilRelay> {
    const node = await createNode({ seed: createIdentity().seed, listen: [local] })
    const evil = new EvilRelay(node, pools)
    await node.handle(controlProtocol, evil.relay.acceptControl)
    await node.handle(transferProtocol, evil.relay.acceptTransfer)
    return evil
  }

  get address(): string {
    return this.#node.addresses()[0]!
  }

  /** The records that it has now, oldest first. */
  records(): HandoffRecord[] {
    return this.relay.core.rendezvous.records().sort((a, b) => a.offeredAtMs - b.offeredAtMs)
  }

  /** Everything that it ever had of a handoff, by number. */
  packsOf({ handoff }: HandoffKey): ReadonlyMap<number, Uint8Array> {
    return this.#kept.get(handoff) ?? new Map()
  }

  /** Has forgotten everything but this handoff, which it offers as if its predecessor had just done so and closed it. */
  async replay({ key, header, predecessor }: HandoffRecord): Promise<void> {
    const { rendezvous } = this.relay.core
    rendezvous.tick(Number.MAX_SAFE_INTEGER)
    const packs = this.packsOf(key)
    for (const [number, sealed] of packs) await this.packs.put(key, number, [sealed])
    rendezvous.offer(predecessor, key, { header, keepMs: 600_000, nowMs: Date.now() })
    rendezvous.close(predecessor, key, packs.size)
  }

  #meddle(store: PackStore): PackStore {
    const keep = (key: HandoffKey, number: number, sealed: Uint8Array) => {
      const ofHandoff = this.#kept.get(key.handoff) ?? new Map<number, Uint8Array>()
      this.#kept.set(key.handoff, ofHandoff.set(number, sealed))
    }
    return {
      list: () => store.list(),
      have: (key) => store.have(key),
      bytes: (key) => store.bytes(key),
      put(key, number, sealed) {
        keep(key, number, new Uint8Array(Buffer.concat(sealed)))
        return store.put(key, number, sealed)
      },
      get: async (key, number) => this.serve(key, number, await store.get(key, number)),
      drop: (key) => store.drop(key),
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.relay[Symbol.asyncDispose]()
    await this.#node[Symbol.asyncDispose]()
  }
}
