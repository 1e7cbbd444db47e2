// Stores whose writes finish when the test says so, or fail: around any other stores.

import { HeirloomError } from '../../src/errors.ts'
import type { PackSet } from '../../src/wire/pack-set.ts'
import type { HandoffKey, HandoffRecord, PackStore, PutOptions, RecordStore, StoredHandoff } from '../../relay/store/store.ts'

/** Lets writes through one by one or all; every write that comes waits at it. */
export class Gate {
  #isOpen = true
  #waiting: PromiseWithResolvers<void>[] = []
  #failure: HeirloomError | undefined

  get waiting(): number {
    return this.#waiting.length
  }

  shut(): void {
    this.#isOpen = false
  }

  open(): void {
    this.#isOpen = true
    for (const each of this.#waiting.splice(0)) each.resolve()
  }

  /** What passes from now on fails with this, until it is undefined. */
  set failure(failure: HeirloomError | undefined) {
    this.#failure = failure
  }

  async pass(): Promise<void> {
    if (!this.#isOpen) {
      const turn = Promise.withResolvers<void>()
      this.#waiting.push(turn)
      await turn.promise
    }
    if (this.#failure !== undefined) throw this.#failure
  }
}

export class HeldPackStore implements PackStore {
  readonly puts = new Gate()
  /** What was written and isn't durable yet waits here. */
  readonly syncs = new Gate()
  readonly gets = new Gate()
  /** Numbers that were read, in order. */
  readonly read: number[] = []
  readonly #inner: PackStore

  constructor(inner: PackStore) {
    this.#inner = inner
  }

  list(): Iterable<StoredHandoff> {
    return this.#inner.list()
  }

  have(key: HandoffKey): PackSet {
    return this.#inner.have(key)
  }

  bytes(key?: HandoffKey): number {
    return this.#inner.bytes(key)
  }

  async put(key: HandoffKey, number: number, sealed: readonly Uint8Array[], options?: PutOptions): Promise<void> {
    await this.puts.pass()
    await this.#inner.put(key, number, sealed, options)
    await this.syncs.pass()
  }

  async get(key: HandoffKey, number: number): Promise<Uint8Array | undefined> {
    this.read.push(number)
    await this.gets.pass()
    return this.#inner.get(key, number)
  }

  drop(key: HandoffKey): Promise<void> {
    return this.#inner.drop(key)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#inner[Symbol.asyncDispose]())
  }
}

export class HeldRecordStore implements RecordStore {
  readonly saves = new Gate()
  readonly #inner: RecordStore

  constructor(inner: RecordStore) {
    this.#inner = inner
  }

  list(): Iterable<HandoffRecord> {
    return this.#inner.list()
  }

  async save(record: HandoffRecord): Promise<void> {
    await this.saves.pass()
    await this.#inner.save(record)
  }

  delete(key: HandoffKey): Promise<void> {
    return this.#inner.delete(key)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#inner[Symbol.asyncDispose]())
  }
}
