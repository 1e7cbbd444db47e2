// A simulated world: a relay, VMs, the network between them, and the invariants that hold after every step.

import type { LaneKind } from '../../src/lane/lane.ts'
import { openSegmentsMax, readRoomBytes, recordWritesMax, relayRoomBytes, relayWindowBytesTotal } from '../../src/limits/relay.ts'
import { packBytesMax } from '../../src/limits/wire.ts'
import { identityFromSeed, type Identity } from '../../src/seal/identity.ts'
import { makePoolSecret, type PoolSecret } from '../../src/seal/pool-key.ts'
import type { HandoffKey, HandoffRecord, PackStore } from '../../relay/store/store.ts'
import type { RelayCore } from '../../relay/relay-core.ts'
import { keyText } from '../../relay/store/handoff-key.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import type { SeededRandom } from '../helpers/seed.ts'
import { EventLoop } from './event-loop.ts'
import type { HandoffTruth } from './handoff-truth.ts'
import type { DataWall } from './data-link.ts'
import type { WatchedTransfer } from './data-line-watch.ts'
import { Network } from './network.ts'
import { PeerMachine, type PeerMachineOptions } from './peer-machine.ts'
import { MachineClock } from './process.ts'
import { RelayMachine } from './relay-machine.ts'
import type { Surroundings } from './surroundings.ts'
import type { TransferWatch } from './transfer-watch.ts'
import { tapStream, type WireEvents } from './wire-watch.ts'

export interface Violation {
  readonly rule: string
  readonly detail: string
  readonly atMs: number
}

export interface WorldOptions {
  readonly keepsLog: boolean
  readonly quotaBytes: number | undefined
  readonly keepMsMax: number
  readonly segmentBytes: number
  /** The relay's room for packs in its memory, each way; relayRoomBytes unless told. */
  readonly roomBytes: number | undefined
  /** Whether the relay takes data sockets, and what stands before its port. */
  readonly hasData: boolean
  readonly dataWall: DataWall
}

/** Virtual wall time at which every world begins. */
const beginsMs = 1_800_000_000_000
/** A handoff may end this long after its deadline: what a timer and a turn take. */
const deadlineSlackMs = 150
/** Descriptors of the store: its segments, records that are written, folders that are synced. */
const openFilesMax = openSegmentsMax + recordWritesMax + 16

export class World {
  readonly loop = new EventLoop()
  readonly random: SeededRandom
  readonly network: Network
  readonly pool: PoolSecret
  readonly relay: RelayMachine
  readonly peers: PeerMachine[] = []
  readonly truths = new Map<string, HandoffTruth>()
  readonly lines: string[] = []
  violation: Violation | undefined
  readonly #surroundings: Surroundings
  readonly #keepsLog: boolean
  readonly #names = new Map<string, string>()
  /** Transfers, those that are over only until the next one begins. */
  readonly #open = new Set<TransferWatch>()
  /** By the token of a data socket. */
  readonly #transfers = new Map<string, WatchedTransfer>()

  constructor(random: SeededRandom, options: WorldOptions) {
    this.random = random
    this.#keepsLog = options.keepsLog
    const { log } = this
    const events = this.#wireEvents()
    this.network = new Network({
      loop: this.loop,
      random,
      log,
      tap: (...ends) => tapStream(events(), ...ends),
      transferOf: (token) => this.#transfers.get(token),
    })
    this.#surroundings = { loop: this.loop, random, network: this.network, log, violation: (rule, detail) => this.violate(rule, detail) }
    this.pool = makePoolSecret('simulated', this.#bytes(32), this.#bytes(32))
    const { quotaBytes, keepMsMax, segmentBytes, roomBytes = relayRoomBytes, hasData, dataWall } = options
    this.relay = new RelayMachine({
      surroundings: this.#surroundings,
      identity: this.#identity('relay'),
      pools: [this.pool],
      quota: quotaBytes === undefined ? {} : { total: quotaBytes },
      keepMsMax,
      segmentBytes,
      roomBytes,
      hasData,
      dataWall,
      clock: this.#clock(),
      onOpened: (packs) => this.#checkOpened(packs),
    })
    this.#relayPeer = this.relay.address.split('/').at(-1)!
    this.#quotaBytes = quotaBytes ?? Infinity
    this.#roomBytes = roomBytes
  }

  readonly #relayPeer: string
  readonly #roomBytes: number
  readonly #quotaBytes: number

  addPeer(
    options: Omit<PeerMachineOptions, 'name' | 'surroundings' | 'identity' | 'pool' | 'relays' | 'clock' | 'truths'> & {
      lanes: readonly LaneKind[]
    },
  ): PeerMachine {
    const name = `vm${this.peers.length + 1}`
    const machine = new PeerMachine({
      ...options,
      name,
      surroundings: this.#surroundings,
      identity: this.#identity(name),
      pool: this.pool,
      relays: [this.relay.address],
      clock: this.#clock(),
      truths: this.truths,
    })
    this.peers.push(machine)
    return machine
  }

  readonly log = (text: string): void => {
    if (this.#keepsLog) this.lines.push(`${(this.loop.nowMs / 1000).toFixed(4).padStart(9)} s  ${text}`)
  }

  violate(rule: string, detail: string): void {
    if (this.violation !== undefined) return
    this.violation = { rule, detail, atMs: this.loop.nowMs }
    this.log(`VIOLATION: ${rule}: ${detail}`)
  }

  /** The invariants that can be seen between two steps. */
  check(): void {
    this.#checkStore()
    this.#checkMemory()
    for (const peer of this.peers) this.#checkDeadlines(peer)
    if (this.relay.disk.openFiles > openFilesMax) this.violate('descriptors are bounded', `${this.relay.disk.openFiles} files are open`)
  }

  /** What was acknowledged is there until it is inherited or has expired. */
  #checkStore(): void {
    const core = this.relay.relay?.core
    if (core === undefined) return
    if (core.packs.bytes() > this.#quotaBytes)
      this.violate('the store keeps its quota', `${core.packs.bytes()} of ${this.#quotaBytes} bytes`)
    for (const truth of this.truths.values()) {
      if (truth.stored.size === 0 || truth.isFinished) continue
      const key = { pool: truth.pool, handoff: truth.hex }
      const record = core.rendezvous.find(key)
      if (record === undefined) {
        const isExpired = truth.record !== undefined && this.relay.clock.wallMs >= truth.record.expiresAtMs
        // Of one whose packs its disk could not read the relay keeps nothing.
        if (isExpired || [...truth.stored].every((number) => truth.unreadable.has(number))) truth.isFinished = true
        else this.violate('an acknowledged pack is kept until it expires', `the relay has forgotten ${keyText(key).slice(-32, -26)}`)
        continue
      }
      truth.record = record
      const have = core.packs.have(key)
      for (const number of truth.stored) {
        if (have.has(number)) continue
        if (this.relay.disk.failedReads > 0) truth.unreadable.add(number)
        else this.violate('an acknowledged pack is kept until it expires', `pack ${number} of ${truth.hex.slice(0, 6)} is gone`)
      }
    }
  }

  /**
   * Packs on their way through the relay are in its memory: all that has come and is not acknowledged within the windows that it grants and a pack, what
   * it has let in of that within its room or one pack alone, and what is on its way out within its room.
   */
  #checkMemory(): void {
    const bytesOf = (way: 'in' | 'out') => {
      let bytes = 0
      for (const transfer of this.#open) if (transfer.isOpen) bytes += transfer.relayBytes(way)
      return bytes
    }
    this.#checkBytes('have come', bytesOf('in'), relayWindowBytesTotal + readRoomBytes)
    this.#checkBytes('are on their way out', bytesOf('out'), Math.max(this.#roomBytes, readRoomBytes))
    const core = this.relay.relay?.core
    if (core === undefined) return
    const { takenBytes } = core.transfers.roomIn
    this.#checkBytes('are let in', takenBytes, Math.max(this.#roomBytes, packBytesMax))
    this.#checkBytes('are written', this.relay.writingBytes, takenBytes)
  }

  #checkBytes(what: string, bytes: number, bytesMax: number): void {
    if (bytes > bytesMax) this.violate("the relay's memory is bounded", `${bytes} bytes ${what}, there is room for ${bytesMax}`)
  }

  /** What an earlier process left counts only if it is whole and durable: it is told to predecessors, who then need not keep it. */
  #checkOpened(packs: PackStore): void {
    if (this.relay.disk.failedReads > 0) return
    for (const { key } of packs.list())
      for (const number of packs.have(key))
        if (!this.relay.hasDurably(key, number))
          this.violate('a store counts what is whole and durable', `pack ${number} of ${key.handoff.slice(0, 6)} is not`)
  }

  #checkDeadlines(peer: PeerMachine): void {
    for (const handoff of peer.handoffs) {
      if (handoff.result !== undefined || !handoff.process.alive || handoff.hasEnded) continue
      const lateMs =
        handoff.process.clock.monotonicMs() - handoff.deadline.atMs - (handoff.process.stoppedMs - handoff.stoppedBeforeMs) * 1.01
      if (lateMs > deadlineSlackMs) this.violate('a handoff ends by its deadline', `${peer.name} is ${Math.round(lateMs)} ms late`)
    }
  }

  /** A process of this machine died or was started again: its journal has what was acknowledged. */
  checkJournal(peer: PeerMachine): void {
    const { peerId } = peer.options.identity
    for (const truth of this.truths.values()) {
      const acknowledged = truth.acknowledgedBy(peerId)
      if (acknowledged.size === 0 || truth.isFinished || truth.epochs.get(truth.epochMax) !== peerId || !peer.isInheriting(truth.hex))
        continue
      const counted = peer.journaled(truth.hex)
      for (const number of acknowledged)
        if (!counted.has(number))
          return this.violate('the journal counts what was acknowledged', `${peer.name}: pack ${number} of ${truth.hex.slice(0, 6)}`)
    }
  }

  /** Nothing is under way that could still lead anywhere. */
  isQuiet(): boolean {
    const core = this.relay.relay?.core
    if (core === undefined) return false
    if (this.peers.some((peer) => peer.isHandingOff || peer.inheriting.size > 0)) return false
    return core.rendezvous.records().every((record) => record.finished || !this.#isInheritable(record)) && leftBehind(core).length === 0
  }

  /** Somebody ought to inherit it. */
  #isInheritable(record: HandoffRecord): boolean {
    const { key, heir } = record
    const core = this.relay.relay!.core
    const hasPacks = core.packs.have(key).size > 0
    if (!hasPacks && !core.rendezvous.mayGrow(record)) return false
    return (
      heir === undefined ||
      !core.presence.isPresent(heir) ||
      this.peers.some((peer) => peer.isRunning && peer.options.identity.peerId === heir)
    )
  }

  /** Liveness: what could be done after the faults has been done. */
  checkEnd(): void {
    const core = this.relay.relay?.core
    if (core === undefined) return this.violate('the relay comes back', 'it does not serve')
    for (const peer of this.peers) {
      if (peer.isHandingOff) this.violate('every handoff ends', `${peer.name} is still at it`)
      for (const handoff of peer.inheriting) this.violate('every inheritance ends', `${peer.name} is still at ${handoff.slice(0, 6)}`)
    }
    for (const { handoff } of leftBehind(core)) this.violate('what is over leaves no packs behind', handoff.slice(0, 6))
    for (const name of this.relay.strays(core.packs)) this.violate('what is over leaves no files behind', name)
    for (const record of core.rendezvous.records()) {
      if (!record.finished && this.#isInheritable(record))
        this.violate(
          'what waits is inherited',
          `${record.key.handoff.slice(0, 6)} has ${core.packs.have(record.key).size} packs and nobody took it`,
        )
    }
  }

  /** Nothing of it goes on. */
  end(): void {
    for (const peer of this.peers) peer.kill()
    this.relay.kill()
    this.network.end()
  }

  #wireEvents(): () => WireEvents {
    let events: WireEvents | undefined
    return () =>
      (events ??= {
        relayPeer: this.#relayPeer,
        truth: (handoff) => this.truths.get(Buffer.from(handoff).toString('hex')),
        violation: (rule, detail) => this.violate(rule, detail),
        log: this.log,
        nameOf: (peer) => this.#names.get(peer) ?? peer,
        storeAcknowledges: (truth, number) => {
          if (!truth.isFinished && !this.relay.hasDurably({ pool: truth.pool, handoff: truth.hex }, number))
            this.violate('what is acknowledged is durable', `pack ${number} of ${truth.hex.slice(0, 6)} is not on the relay's disk`)
          truth.stored.add(number)
        },
        heirAcknowledges: (truth, heir, number) => {
          truth.acknowledgedBy(heir).add(number)
          truth.everAcknowledgedBy(heir).add(number)
        },
        heirHas: (truth, heir, have) => {
          for (const number of truth.acknowledgedBy(heir))
            if (!have.has(number))
              return this.violate('an heir tells what it has', `${this.#names.get(heir)} doesn't tell of pack ${number}`)
        },
        transferOpened: (watch) => {
          for (const transfer of this.#open) if (!transfer.isOpen) this.#open.delete(transfer)
          this.#open.add(watch)
        },
        offersData: (token, transfer) => void this.#transfers.set(token, transfer),
        arrivedAt: (truth, peer, number) => void truth.hereAt(peer).add(number),
        finishSent: (truth, heir) => void truth.finishing.set(heir, this.#inPlace(truth, heir)),
        finishArrived: (truth, heir) => this.#finished(truth, heir),
      })
  }

  #inPlace(truth: HandoffTruth, heir: string): PackSet {
    const restored = truth.restoredBy(heir).clone()
    const machine = this.peers.find((peer) => peer.options.identity.peerId === heir)
    if (machine !== undefined) restored.addAll(machine.journaled(truth.hex))
    return restored
  }

  /** The heir is done, and the relay will drop the packs: none may be among them that could still be inherited. */
  #finished(truth: HandoffTruth, heir: string): void {
    if (truth.isFinished) return
    const name = this.#names.get(heir)
    // Its machine may have lost all of it since: whether that is durable is its applications' matter.
    const restored = truth.finishing.get(heir) ?? new PackSet()
    const superseded = truth.superseded()
    for (const number of truth.stored) {
      if (restored.has(number) || superseded.has(number) || truth.unreadable.has(number) || this.relay.disk.failedReads > 0) continue
      this.violate(
        'what can be delivered is delivered',
        `${name} ends ${truth.hex.slice(0, 6)} without pack ${number}, which the store has`,
      )
    }
    truth.isFinished = true
  }

  #identity(name: string): Identity {
    const identity = identityFromSeed(this.#bytes(32))
    this.#names.set(identity.peerId, name)
    return identity
  }

  #clock(): MachineClock {
    const rate = 1 + (this.random.next() - 0.5) * 0.004
    return new MachineClock(this.loop, { rate, wallMs: beginsMs + (this.random.next() - 0.5) * 20_000 })
  }

  #bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.random.integer(0, 255))
  }
}

/** Handoffs that are over, and still have packs in the store. */
function leftBehind({ packs, rendezvous }: RelayCore): HandoffKey[] {
  return [...packs.list()].map(({ key }) => key).filter((key) => rendezvous.find(key)?.finished ?? true)
}
