// The relay's machine: the production relay and stores in a process that is killed, stopped, drained and started again, on a disk that
// fails and loses power.

import { join } from 'node:path'
import { circuitRules } from '../../relay/circuit-rules.ts'
import { createRelay, type Relay } from '../../relay/relay.ts'
import type { RelayCore } from '../../relay/relay-core.ts'
import { openDiskPackStore } from '../../relay/store/disk-pack-store.ts'
import { openDiskRecordStore } from '../../relay/store/disk-record-store.ts'
import { decodeRecordHeader, matchesHeader, recordHeaderBytes } from '../../relay/store/segment-format.ts'
import type { HandoffKey, PackStore } from '../../relay/store/store.ts'
import type { QuotaLimits } from '../../relay/quota.ts'
import { HeirloomError } from '../../src/errors.ts'
import { DataEnd } from '../../src/lane/data-end.ts'
import { leaseMs } from '../../src/limits/link.ts'
import type { CircuitRules } from '../../src/net/circuit.ts'
import type { Identity } from '../../src/seal/identity.ts'
import type { PoolPublic } from '../../src/seal/pool-key.ts'
import { controlProtocol, dataProtocol, transferProtocol } from '../../src/wire/protocols.ts'
import type { DataWall } from './data-link.ts'
import { SimulatedDisk } from './disk.ts'
import { addressOf, type Surroundings } from './surroundings.ts'
import { Killed, MachineClock, Process } from './process.ts'
import { watchWrites, type WriteWatch } from './write-watch.ts'

const directory = '/store'

export interface RelayMachineOptions {
  readonly name: string
  readonly surroundings: Surroundings
  readonly identity: Identity
  readonly pools: readonly PoolPublic[]
  readonly quota: QuotaLimits
  readonly keepMsMax: number
  readonly segmentBytes: number
  /** For packs in its memory, each way. */
  readonly roomBytes: number
  readonly clock: MachineClock
  /** Whether it takes data sockets. */
  readonly hasData: boolean
  readonly dataWall: DataWall
  readonly lendsCircuits: boolean
  /** Its stores are open; it is about to serve what they say they have. */
  readonly onOpened: (packs: PackStore) => void
}

export class RelayMachine {
  readonly disk: SimulatedDisk
  readonly address: string
  readonly clock: MachineClock
  readonly #options: RelayMachineOptions
  #process: Process | undefined
  #relay: Relay | undefined
  #writes: WriteWatch | undefined
  #close: (() => Promise<void>) | undefined

  constructor(options: RelayMachineOptions) {
    this.#options = options
    this.clock = options.clock
    this.disk = new SimulatedDisk(options.surroundings.random)
    this.address = addressOf(options.identity.peerId)
  }

  /** The relay while its process lives and serves. */
  get relay(): Relay | undefined {
    return this.#process?.alive === true ? this.#relay : undefined
  }

  /** Bytes of packs that are being written. */
  get writingBytes(): number {
    return this.#writes?.bytes ?? 0
  }

  get name(): string {
    return this.#options.name
  }

  get peerId(): string {
    return this.#options.identity.peerId
  }

  get process(): Process | undefined {
    return this.#process
  }

  start(): void {
    if (this.#process?.alive === true) return
    const { loop, random, log, violation } = this.#options.surroundings
    const process = new Process(this.name, loop, random, this.clock)
    this.#process = process
    this.#relay = undefined
    this.#close = undefined
    log(`${this.name} starts`)
    this.#serve(process).catch((thrown: unknown) => {
      if (!process.alive) return
      if (!(thrown instanceof HeirloomError) && (thrown as { code?: unknown }).code === undefined)
        return violation('the relay starts or says why not', String(thrown))
      log(`${this.name} can't start: ${String(thrown)}`)
      process.kill()
      loop.after(1000, () => this.start())
    })
  }

  async #serve(process: Process): Promise<void> {
    const { surroundings, identity, pools, quota, keepMsMax, segmentBytes, roomBytes, hasData, dataWall, lendsCircuits, onOpened } =
      this.#options
    const disk = this.disk.mount(process)
    const onWarning = (warning: HeirloomError) => {
      if (!process.alive || warning.cause instanceof Killed) return
      surroundings.log(`${this.name} warns: ${warning.code}, ${warning.message}`)
      if (warning.code === 'internal') surroundings.violation('the relay has no defects', warning.stack ?? warning.message)
    }
    await disk.makeFolder(directory)
    await disk.syncFolder('/')
    const records = await openDiskRecordStore(join(directory, 'records'), { disk, onWarning })
    const packs = await openDiskPackStore(join(directory, 'packs'), { disk, onWarning, segmentBytes })
    if (!process.alive) return
    onOpened(packs)
    const node = surroundings.network.node(process, identity.peerId, {
      addresses: [this.address],
      dataWall,
      circuits: lendsCircuits ? rulesOf(() => relay.core) : undefined,
    })
    const data = hasData ? await DataEnd.open({ host: identity.peerId, port: 0, clock: process.clock }) : undefined
    const terms = { quota, leaseMs, keepMsMax, roomBytes }
    const relay: Relay = createRelay({ self: identity.peerId, packs, records, pools, ...terms, clock: process.clock, data, onWarning })
    this.#writes = watchWrites(packs)
    this.#relay = relay
    await node.handle(controlProtocol, (channel) => relay.acceptControl(channel))
    await node.handle(transferProtocol, (channel) => relay.acceptTransfer(channel))
    await node.handle(dataProtocol, (channel) => relay.acceptData(channel))
    surroundings.log(`${this.name} serves`)
    this.#close = async () => {
      const giveUp = new AbortController()
      process.after(5000, () => giveUp.abort())
      await relay.drain({ signal: giveUp.signal })
      await node[Symbol.asyncDispose]()
      await relay[Symbol.asyncDispose]()
      await packs[Symbol.asyncDispose]()
      await records[Symbol.asyncDispose]()
      await data?.[Symbol.asyncDispose]()
    }
  }

  /** What is in the folders of the pack store and in none of its lists. */
  strays(packs: PackStore): string[] {
    const listed = new Set([...packs.list()].map(({ key }) => key.handoff))
    const pools = join(directory, 'packs')
    return this.disk.names(pools).flatMap((pool) => this.disk.names(join(pools, pool)).filter((name) => !listed.has(name)))
  }

  kill(): void {
    this.#process?.kill()
  }

  losePower(): void {
    this.#process?.kill({ silently: true })
    this.disk.losePower()
  }

  /** As SIGTERM: resolves when it has ended by itself. */
  async end(): Promise<void> {
    const process = this.#process
    await this.#close?.()
    process?.kill()
  }

  /** Whether a pack would still be there, whole, if the power failed now. */
  hasDurably({ pool, handoff }: HandoffKey, number: number): boolean {
    const folder = join(directory, 'packs', pool, handoff)
    return this.disk.durableNames(folder).some((name) => holds(this.disk.durableContent(join(folder, name)), number))
  }
}

/** Here a node is there before its relay. */
function rulesOf(core: () => RelayCore): CircuitRules {
  return {
    mayReserve: (peer) => circuitRules(core()).mayReserve(peer),
    mayConnect: (from, to) => circuitRules(core()).mayConnect(from, to),
  }
}

function holds(content: Uint8Array | undefined, number: number): boolean {
  for (let at = 0; content !== undefined && at + recordHeaderBytes <= content.length;) {
    const header = decodeRecordHeader(content, at)
    if (header === undefined) {
      at++
      continue
    }
    const end = at + recordHeaderBytes + header.bytes
    if (header.number === number && matchesHeader(header, content.subarray(at + recordHeaderBytes, end))) return true
    at = end
  }
  return false
}
