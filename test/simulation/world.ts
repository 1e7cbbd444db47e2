// A simulated world: a relay, VMs, the network between them, and the invariants that hold after every step.

import type { LaneKind } from '../../src/lane/lane.ts'
import { openSegmentsMax, recordWritesMax, relayRoomBytes } from '../../src/limits/relay.ts'
import { identityFromSeed, type Identity } from '../../src/seal/identity.ts'
import { makePoolSecret, type PoolSecret } from '../../src/seal/pool-key.ts'
import type { PackStore } from '../../relay/store/store.ts'
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
import { checkMemory } from './relay-memory.ts'
import { isInheritable, leftBehind } from './relay-state.ts'
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
  /** How many of them. */
  readonly relays: number
  /** Whether some of its VMs send their state ahead of any notice. */
  readonly isShippingAhead: boolean
  /** Whether some of its VMs divide their state among several heirs. */
  readonly isDivided: boolean
  /** Whether most of its VMs can't be dialled, and its relays lend circuits. */
  readonly hasCircuits: boolean
}

/** Virtual wall time at which every world begins. */
const beginsMs = 1_800_000_000_000
/** A handoff may end this long after its deadline: what a timer and a turn take. */
const deadlineSlackMs = 150
/** Descriptors of the store: its segments, records that are written, folders that are synced. */
const openFilesMax = openSegmentsMax + recordWritesMax + 16

/** Those who can hear one another know in this time whose claim stands: a lease, and two rounds of asking. */
const heirsSettleMs = 25_000

export class World {
  readonly loop: EventLoop
  readonly random: SeededRandom
  readonly network: Network
  readonly pool: PoolSecret
  readonly relays: readonly RelayMachine[]
  readonly peers: PeerMachine[] = []
  readonly truths = new Map<string, HandoffTruth>()
  readonly lines: string[] = []
  violation: Violation | undefined
  readonly #surroundings: Surroundings
  readonly #keepsLog: boolean
  readonly isShippingAhead: boolean
  readonly isDivided: boolean
  readonly hasCircuits: boolean
  readonly #names = new Map<string, string>()
  /** Transfers, those that are over only until the next one begins. */
  readonly #open = new Set<TransferWatch>()
  /** By the token of a data socket. */
  readonly #transfers = new Map<string, WatchedTransfer>()

  constructor(random: SeededRandom, options: WorldOptions) {
    this.random = random
    this.loop = new EventLoop({ turns: options.isDivided ? 2 : 1 })
    this.isDivided = options.isDivided
    this.hasCircuits = options.hasCircuits
    this.#keepsLog = options.keepsLog
    this.isShippingAhead = options.isShippingAhead
    const { log } = this
    const events = this.#wireEvents()
    this.network = new Network({
      loop: this.loop,
      random,
      log,
      tap: (stream) => tapStream(events(), stream),
      transferOf: (token) => this.#transfers.get(token),
    })
    this.#surroundings = { loop: this.loop, random, network: this.network, log, violation: (rule, detail) => this.violate(rule, detail) }
    this.pool = makePoolSecret('simulated', this.#bytes(32), this.#bytes(32))
    const { quotaBytes, roomBytes = relayRoomBytes } = options
    this.relays = Array.from({ length: options.relays }, (_, index) => this.#addRelay(index === 0 ? 'relay' : `relay${index + 1}`, options))
    this.#quotaBytes = quotaBytes ?? Infinity
    this.#roomBytes = roomBytes
  }

  readonly #roomBytes: number
  readonly #quotaBytes: number
  /** Something is still going to happen. */
  isWaiting = false
  /** From then on nothing fails any more. */
  peaceFromMs = Infinity

  /** One of the relays, by chance. */
  get relay(): RelayMachine {
    return this.relays.length === 1 ? this.relays[0]! : this.relays[this.random.integer(0, this.relays.length - 1)]!
  }

  #addRelay(
    name: string,
    { quotaBytes, keepMsMax, segmentBytes, roomBytes = relayRoomBytes, hasData, dataWall, hasCircuits }: WorldOptions,
  ): RelayMachine {
    const machine: RelayMachine = new RelayMachine({
      name,
      surroundings: this.#surroundings,
      identity: this.#identity(name),
      pools: [this.pool],
      quota: quotaBytes === undefined ? {} : { total: quotaBytes },
      keepMsMax,
      segmentBytes,
      roomBytes,
      hasData,
      dataWall,
      lendsCircuits: hasCircuits,
      clock: this.#clock(),
      onOpened: (packs) => this.#checkOpened(machine, packs),
    })
    return machine
  }

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
      relays: this.relays.map(({ address }) => address),
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
    for (const relay of this.relays) {
      this.#checkStore(relay)
      checkMemory(relay, this.#open, this.#roomBytes, (rule, detail) => this.violate(rule, detail))
      if (relay.disk.openFiles > openFilesMax) this.violate('descriptors are bounded', `${relay.disk.openFiles} files are open`)
    }
    for (const peer of this.peers) this.#checkDeadlines(peer)
    if (this.relays.length > 1 && this.loop.nowMs > this.peaceFromMs + heirsSettleMs) this.#checkHeirs()
  }

  /** Relays that can be heard agree on one heir. */
  #checkHeirs(): void {
    const heirs = new Map<string, string>()
    for (const { name, isRunning, inheriting, ended } of this.peers) {
      if (!isRunning) continue
      for (const key of inheriting.difference(ended)) {
        const [handoff] = key.split(' ')
        const other = heirs.get(handoff!)
        if (other !== undefined && other !== name)
          return this.violate('a handoff has one live heir', `${handoff!.slice(0, 6)} has ${other} and ${name}`)
        heirs.set(handoff!, name)
      }
    }
  }

  /** What was acknowledged is there until it is inherited or has expired. */
  #checkStore(relay: RelayMachine): void {
    const core = relay.relay?.core
    if (core === undefined) return
    if (core.packs.bytes() > this.#quotaBytes)
      this.violate('the store keeps its quota', `${core.packs.bytes()} of ${this.#quotaBytes} bytes`)
    for (const truth of this.truths.values()) {
      const place = truth.at(relay.peerId)
      if (place.stored.size === 0 || place.isFinished) continue
      const key = { pool: truth.pool, handoff: truth.hex }
      const record = core.rendezvous.find(key)
      if (record === undefined) {
        const isExpired = place.record !== undefined && relay.clock.wallMs >= place.record.expiresAtMs
        // Of one whose packs its disk could not read the relay keeps nothing.
        if (isExpired || [...place.stored].every((number) => place.unreadable.has(number))) place.isFinished = true
        else this.violate('an acknowledged pack is kept until it expires', `the relay has forgotten ${keyText(key).slice(-32, -26)}`)
        continue
      }
      place.record = record
      const have = core.packs.have(key)
      for (const number of place.stored) {
        if (have.has(number)) continue
        if (relay.disk.failedReads > 0) place.unreadable.add(number)
        else this.violate('an acknowledged pack is kept until it expires', `pack ${number} of ${truth.hex.slice(0, 6)} is gone`)
      }
    }
  }

  /** What an earlier process left counts only if it is whole and durable: it is told to predecessors, who then need not keep it. */
  #checkOpened(relay: RelayMachine, packs: PackStore): void {
    if (relay.disk.failedReads > 0) return
    for (const { key } of packs.list())
      for (const number of packs.have(key))
        if (!relay.hasDurably(key, number))
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
      if (acknowledged.size === 0 || truth.isFinished || !truth.isHeir(peerId) || !peer.isInheriting(truth.hex)) continue
      const counted = peer.journaled(truth.hex)
      for (const number of acknowledged)
        if (!counted.has(number) && !truth.isOutdated(number))
          return this.violate('the journal counts what was acknowledged', `${peer.name}: pack ${number} of ${truth.hex.slice(0, 6)}`)
    }
  }

  /** Nothing is under way that could still lead anywhere. */
  isQuiet(): boolean {
    if (this.isWaiting) return false
    if (this.peers.some((peer) => peer.isHandingOff || peer.inheriting.size > 0)) return false
    return this.relays.every(({ relay }) => {
      if (relay === undefined) return false
      const { core } = relay
      return (
        core.rendezvous.records().every((record) => record.finished || !isInheritable(core, record, this.peers)) &&
        leftBehind(core).length === 0
      )
    })
  }

  /** Liveness: what could be done after the faults has been done. */
  checkEnd(): void {
    for (const peer of this.peers) {
      if (peer.isHandingOff) this.violate('every handoff ends', `${peer.name} is still at it`)
      for (const handoff of peer.inheriting) this.violate('every inheritance ends', `${peer.name} is still at ${handoff.slice(0, 6)}`)
    }
    for (const relay of this.relays) this.#checkEndOf(relay)
  }

  #checkEndOf(relay: RelayMachine): void {
    const core = relay.relay?.core
    if (core === undefined) return this.violate('the relay comes back', `${relay.name} does not serve`)
    for (const { handoff } of leftBehind(core)) this.violate('what is over leaves no packs behind', handoff.slice(0, 6))
    for (const name of relay.strays(core.packs)) this.violate('what is over leaves no files behind', name)
    for (const record of core.rendezvous.records()) {
      if (!record.finished && isInheritable(core, record, this.peers))
        this.violate(
          'what waits is inherited',
          `${record.key.handoff.slice(0, 6)} has ${core.packs.have(record.key).size} packs at ${relay.name} and nobody took it`,
        )
    }
  }

  /** Nothing of it goes on. */
  end(): void {
    for (const peer of this.peers) peer.kill()
    for (const relay of this.relays) relay.kill()
    this.network.end()
  }

  #wireEvents(): () => WireEvents {
    let events: WireEvents | undefined
    return () =>
      (events ??= {
        nowMs: () => this.loop.nowMs,
        isRelay: (peer) => this.relays.some(({ peerId }) => peerId === peer),
        partsOf: (peer) => this.peers.find(({ options }) => options.identity.peerId === peer)?.options.parts,
        truth: (handoff) => this.truths.get(Buffer.from(handoff).toString('hex')),
        violation: (rule, detail) => this.violate(rule, detail),
        log: this.log,
        nameOf: (peer) => this.#names.get(peer) ?? peer,
        storeAcknowledges: (truth, number, peerId) => {
          const relay = this.#relay(peerId)
          const place = truth.at(peerId)
          if (!place.isFinished && !relay.hasDurably({ pool: truth.pool, handoff: truth.hex }, number))
            this.violate('what is acknowledged is durable', `pack ${number} of ${truth.hex.slice(0, 6)} is not on the relay's disk`)
          place.stored.add(number)
        },
        heirAcknowledges: (truth, heir, number) => {
          truth.acknowledgedBy(heir).add(number)
          truth.everAcknowledgedBy(heir).add(number)
        },
        heirHas: (truth, heir, have) => {
          for (const number of truth.acknowledgedBy(heir))
            if (!have.has(number) && !truth.isOutdated(number))
              return this.violate('an heir tells what it has', `${this.#names.get(heir)} doesn't tell of pack ${number}`)
        },
        transferOpened: (watch) => {
          for (const transfer of this.#open) if (!transfer.isOpen) this.#open.delete(transfer)
          this.#open.add(watch)
        },
        hasDirect: (watch) => this.#open.values().some((transfer) => transfer.isBesides(watch)),
        offersData: (token, transfer) => void this.#transfers.set(token, transfer),
        arrivedAt: (truth, peer, number) => void truth.hereAt(peer).add(number),
        finishSent: (truth, heir) => void truth.finishing.set(heir, this.#inPlace(truth, heir)),
        finishArrived: (truth, heir, relay) => this.#finished(truth, heir, this.#relay(relay)),
      })
  }

  #inPlace(truth: HandoffTruth, heir: string): PackSet {
    const restored = truth.restoredBy(heir).clone()
    const machine = this.peers.find((peer) => peer.options.identity.peerId === heir)
    if (machine !== undefined) restored.addAll(machine.journaled(truth.hex))
    // Of what it has no journal any more it had told the end before; its power may have failed since.
    if (machine?.isInheriting(truth.hex) === false) restored.addAll(truth.finishing.get(heir) ?? new PackSet())
    return restored
  }

  /** The heir is done, and the relay will drop the packs: none may be among them that could still be inherited. */
  #finished(truth: HandoffTruth, heir: string, relay: RelayMachine): void {
    const place = truth.at(relay.peerId)
    // What one heir has inherited to its end is not there for another.
    if (truth.isFinished) return void (place.isFinished = true)
    const name = this.#names.get(heir)
    // Its machine may have lost all of it since: whether that is durable is its applications' matter.
    const restored = truth.finishing.get(heir) ?? new PackSet()
    const superseded = truth.superseded()
    for (const number of place.stored) {
      if (restored.has(number) || superseded.has(number) || place.unreadable.has(number) || relay.disk.failedReads > 0) continue
      this.violate(
        'what can be delivered is delivered',
        `${name} ends ${truth.hex.slice(0, 6)} without pack ${number}, which the store has`,
      )
    }
    place.isFinished = true
  }

  #relay(peerId: string): RelayMachine {
    return this.relays.find((relay) => relay.peerId === peerId)!
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
