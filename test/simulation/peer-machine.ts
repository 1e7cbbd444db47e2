// A VM: the production successor and predecessor in processes that are killed, stopped and started again. What the agent does around them is
// done here in the same order; its files, sources and sinks are simulated.

import { Deadline } from '../../src/deadline.ts'
import { HeirloomError } from '../../src/errors.ts'
import type { DataEnd } from '../../src/lane/data-end.ts'
import type { LaneKind } from '../../src/lane/lane.ts'
import type { Identity } from '../../src/seal/identity.ts'
import type { PoolSecret } from '../../src/seal/pool-key.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { EventLog } from '../../peer/events.ts'
import { InheritanceDesk } from '../../peer/inherit/desk.ts'
import type { Demands } from '../../peer/inherit/demands.ts'
import type { namedIds } from '../../peer/inherit/demands-of.ts'
import { inherit } from '../../peer/inherit/inherit.ts'
import { recallJournal } from '../../peer/inherit/journal.ts'
import { waitForAssignment, type Assigned } from '../../peer/inherit/wait.ts'
import { joinPool, type Membership } from '../../peer/membership.ts'
import type { RelayLink } from '../../peer/relay-link.ts'
import { handOffAfter, type Preshipping } from '../../peer/preshipping.ts'
import { openData } from '../../peer/open-data.ts'
import { orderRelays } from '../../peer/relay-order.ts'
import { Relays } from '../../peer/relays.ts'
import type { HandoffResult } from '../../peer/result.ts'
import type { DataWall } from './data-link.ts'
import { demandChunks } from './demander.ts'
import type { HandoffTruth } from './handoff-truth.ts'
import { JournalDisk } from './journal-disk.ts'
import { simulatedWrapping } from './key-wrapping.ts'
import type { SimulatedNode } from './network.ts'
import { Killed, MachineClock, Process } from './process.ts'
import { checkBarrier, checkFresh, checkHandedOff, checkInherited, checkReceipt } from './result-checks.ts'
import type { NoticePlan, RunningHandoff } from './running-handoff.ts'
import { RestoredState, SimulatedSink } from './restored-state.ts'
import { shipAhead } from './ship-ahead.ts'
import { SimulatedSource, type SourceScript } from './state.ts'
import { addressOf, type Surroundings } from './surroundings.ts'

const inheritanceDirectory = '/inheritance'

export interface PeerMachineOptions {
  readonly name: string
  readonly surroundings: Surroundings
  readonly identity: Identity
  readonly pool: PoolSecret
  readonly relays: readonly string[]
  readonly clock: MachineClock
  readonly lanes: readonly LaneKind[]
  /** Whether others can dial it. */
  readonly isReachable: boolean
  /** What stands before its data port. */
  readonly dataWall: DataWall
  readonly awaits: boolean
  readonly sources: readonly SourceScript[]
  readonly restoreMs: number
  /** Its applications demand chunks so often while their state is coming. */
  readonly demandEveryMs: number | undefined
  /** Its state goes ahead of any notice, so often. */
  readonly preshipEveryMs: number | undefined
  readonly truths: Map<string, HandoffTruth>
}

interface Running {
  readonly process: Process
  readonly node: SimulatedNode
  readonly membership: Membership
  readonly relay: Relays
  readonly data: DataEnd
  readonly desk: InheritanceDesk
  readonly inheriting: AbortController
  readonly events: EventLog
  readonly preshipping: Preshipping | undefined
}

export class PeerMachine {
  readonly options: PeerMachineOptions
  readonly journal: JournalDisk
  /** By handoff. */
  restored = new Map<string, RestoredState>()
  readonly results: HandoffResult[] = []
  readonly handoffs: RunningHandoff[] = []
  /** Inheritances under way: handoff and epoch. */
  readonly inheriting = new Set<string>()
  /** How many times its power failed. */
  boots = 0
  sinkFailure = 0
  isGone = false
  #running: Running | undefined

  readonly #violate = (rule: string, detail: string): void => this.options.surroundings.violation(rule, `${this.name}: ${detail}`)

  constructor(options: PeerMachineOptions) {
    this.options = options
    this.journal = new JournalDisk(options.surroundings.random)
  }

  get name(): string {
    return this.options.name
  }

  get process(): Process | undefined {
    return this.#running?.process
  }

  get isRunning(): boolean {
    return this.#running?.process.alive === true
  }

  get isHandingOff(): boolean {
    return this.handoffs.some(({ process, result, hasEnded }) => process.alive && result === undefined && !hasEnded)
  }

  /** The VM is switched off. */
  leave(): void {
    this.isGone = true
    this.kill()
  }

  /** Called when it was killed in the middle of a call to its files. */
  onKilledWriting: () => void = () => {}

  start(): void {
    if (this.isRunning || this.isGone) return
    const { surroundings, identity, pool, relays, clock, isReachable, dataWall, awaits, truths, name, sources, lanes } = this.options
    const process = new Process(this.name, surroundings.loop, surroundings.random, clock)
    const addresses = isReachable ? [addressOf(identity.peerId)] : []
    const node = surroundings.network.node(process, identity.peerId, { addresses, dataWall })
    const joined = joinPool({ kind: 'secret', pool }, identity, process.clock, 'receive')
    // One certificate a process: signing one for every link would be most of a simulation's work.
    const own = joined.certificate()
    const membership = {
      ...joined,
      certificate: () => own,
      wrapping: simulatedWrapping({ random: surroundings.random, truths, owner: name, sources, nowMs: () => surroundings.loop.nowMs }),
    }
    const random = () => surroundings.random.next()
    const relay = new Relays({
      node,
      relays: orderRelays(relays, pool.id),
      certificate: () => membership.certificate(),
      clock: process.clock,
      random,
    })
    const events = new EventLog(process.clock)
    const desk = Promise.withResolvers<InheritanceDesk>()
    surroundings.log(`${this.name} starts`)
    process.onKilled(() => {
      this.inheriting.clear()
      for (const state of this.restored.values()) state.killed()
      for (const truth of truths.values()) truth.here.delete(identity.peerId)
      if (this.journal.hasKilled) this.onKilledWriting()
    })
    this.inheriting.clear()
    events.listen((event) => this.#onEvent(process, event))
    InheritanceDesk.open(node, process.clock).then(desk.resolve, desk.reject)
    const begin = async () => {
      const data = await openData({ lanes, host: isReachable ? identity.peerId : undefined, port: 0, clock: process.clock })
      const parts = { process, node, membership, relay, data, desk: await desk.promise, inheriting: new AbortController(), events }
      const running = { ...parts, preshipping: shipAhead(parts, this.options) }
      this.#running = running
      void this.#link(running)
      if (awaits) await this.#succeed(running)
    }
    begin().catch((thrown: unknown) => this.#failed(process, 'the agent', thrown))
  }

  async #link({ process, relay }: Running): Promise<void> {
    const { surroundings } = this.options
    try {
      await relay.connectPatiently({ signal: new AbortController().signal })
    } catch (thrown) {
      if (!process.alive || this.isGone) return
      surroundings.log(`${this.name} ends: ${String(thrown)}`)
      process.kill()
      surroundings.loop.after(2000, () => this.start())
    }
  }

  async #succeed(running: Running): Promise<void> {
    const { relay, process, inheriting } = running
    const { signal } = inheriting
    try {
      while (!signal.aborted) {
        const assigned = await waitForAssignment({ relays: relay.each, clock: process.clock, waitMs: 1e9, signal })
        if (assigned === undefined) return
        await this.#inherit(running, assigned)
      }
    } catch (thrown) {
      if (!signal.aborted) this.#failed(process, 'waiting', thrown)
    }
  }

  async #inherit(running: Running, assigned: Assigned<RelayLink>): Promise<void> {
    const { process, node, membership, relay, data, desk, inheriting, events } = running
    const { surroundings, lanes, truths } = this.options
    const { assignment } = assigned
    const handoff = Buffer.from(assignment.handoff).toString('hex')
    const truth = truths.get(handoff)
    if (truth === undefined) return surroundings.violation('only what was offered is assigned', handoff)
    const state = this.restored.get(handoff) ?? new RestoredState()
    this.restored.set(handoff, state)
    const sinks: SimulatedSink[] = []
    const watch = {
      begins: () => this.#checkFence(truth, assignment.epoch),
      violation: this.#violate,
    }
    const sinkOf = ({ name }: { name: string }) => {
      const { restoreMs } = this.options
      const sink = new SimulatedSink({ name, owner: truth.owner, state, process, watch, restoreMs, failure: () => this.sinkFailure })
      sinks.push(sink)
      return sink
    }
    const over = new AbortController()
    const key = `${handoff} ${assignment.epoch}`
    this.inheriting.add(key)
    // What came on a lane of the inheritance before, after its end, nobody took.
    truth.here.delete(this.options.identity.peerId)
    surroundings.log(`${this.name} inherits ${handoff.slice(0, 6)}, epoch ${assignment.epoch}`)
    try {
      const journal = { journalDirectory: inheritanceDirectory, journalFiles: this.journal.mount(process) }
      const common = {
        membership,
        node,
        relays: relay.each,
        data,
        desk,
        clock: process.clock,
        events,
        signal: inheriting.signal,
        sinkOf,
        sinks,
        ...assigned,
        lanes,
      }
      const onDemands = (demands: Demands) => {
        const { demandEveryMs: everyMs } = this.options
        const told = { truth, state, process, violation: this.#violate, log: surroundings.log, signal: over.signal }
        if (everyMs !== undefined) void demandChunks({ demands, everyMs, ...told })
      }
      const { result } = await inherit({ ...common, ...journal, onDemands, random: () => surroundings.random.next() })
      if (!process.alive) return
      surroundings.log(
        `${this.name} has inherited ${handoff.slice(0, 6)}: ${result.outcome}, ${result.chunks.delivered} of ${result.chunks.planned} chunks`,
      )
      this.results.push(result)
      // What it had is nothing to its predecessor any more, and it forgets it.
      if (result.outcome === 'fenced') for (const told of [truth.acknowledged, truth.restored]) told.delete(this.options.identity.peerId)
      checkInherited(truth, this.options.identity.peerId, state, result, this.#violate)
      if (result.outcome !== 'fenced') checkFresh(truth, state, result, this.#violate)
    } catch (thrown) {
      if (inheriting.signal.aborted) throw thrown
      this.#failed(process, 'inheriting', thrown)
    } finally {
      over.abort()
      if (process.alive) this.#ended(truth, assignment.epoch)
      for (const sink of sinks) await sink[Symbol.asyncDispose]()
    }
  }

  /** An inheritance is over, in any way. */
  #ended(truth: HandoffTruth, epoch: number): void {
    const { identity, surroundings } = this.options
    this.inheriting.delete(`${truth.hex} ${epoch}`)
    // What it had in memory is gone.
    truth.here.delete(identity.peerId)
    if (truth.welcomed.some((lane) => lane.heir === identity.peerId && lane.epoch === epoch && lane.isOpen()))
      surroundings.violation('an inheritance that is over holds no lane', `${this.name}: ${truth.hex.slice(0, 6)}, epoch ${epoch}`)
  }

  /** The VM is going. */
  notice(plan: NoticePlan): void {
    const running = this.#running
    running?.process.do(() => this.#handOff(running, plan))
  }

  #handOff(running: Running, { deadlineMs, limits }: NoticePlan): void {
    if (this.isGone || this.isHandingOff) return
    const { process, membership, node, relay, data, events, inheriting, preshipping } = running
    const { surroundings, sources } = this.options
    for (const { living } of sources) living?.freeze()
    surroundings.log(`${this.name} is going within ${Math.round(deadlineMs)} ms`)
    inheriting.abort(new HeirloomError('aborted', 'this VM is going'))
    const handoff: RunningHandoff = {
      process,
      deadline: Deadline.after(process.clock, deadlineMs),
      stoppedBeforeMs: process.stoppedMs,
      result: undefined,
      hasEnded: false,
    }
    this.handoffs.push(handoff)
    const own = sources.map((script) => new SimulatedSource(this.name, script, process))
    const random = () => surroundings.random.next()
    const common = { membership, node, relay, data, clock: process.clock, events, random, compress: 'never' as const }
    const begin = async () => {
      const ahead = limits.lanes.includes('store') ? (await preshipping?.take())?.[0] : undefined
      return await handOffAfter({ ...common, reason: 'simulated', deadlineMs, deadline: handoff.deadline, sources: own, limits }, ahead)
    }
    begin().then(
      async ({ result, receipt }) => {
        if (!process.alive) return
        handoff.result = result
        surroundings.log(
          `${this.name} has handed off ${result.handoff.slice(0, 6)}: ${result.outcome}, ${result.chunks.delivered} of ${result.chunks.planned} chunks`,
        )
        this.#checkHandedOff(result, receipt)
        this.isGone = true
        await relay[Symbol.asyncDispose]()
        await data[Symbol.asyncDispose]()
        await node[Symbol.asyncDispose]()
        process.kill()
      },
      (thrown: unknown) => {
        if (!process.alive) return
        handoff.hasEnded = true
        this.isGone = true
        this.#failed(process, 'handing off', thrown)
        process.kill()
      },
    )
  }

  /** The VM that is going has so long from now on. */
  moveNotice(leftMs: number): void {
    for (const { process, deadline, result, hasEnded } of this.handoffs)
      if (result === undefined && !hasEnded) process.do(() => deadline.moveTo(process.clock.monotonicMs() + leftMs))
  }

  kill(): void {
    this.process?.kill()
  }

  losePower(): void {
    this.process?.kill({ silently: true })
    this.boots++
    this.journal.reboot()
    this.restored = new Map()
    for (const truth of this.options.truths.values()) {
      truth.acknowledged.delete(this.options.identity.peerId)
      truth.restored.delete(this.options.identity.peerId)
    }
  }

  /** Whether an inheritance of this handoff has begun here and isn't over, also when no process is at it now. */
  isInheriting(handoff: string): boolean {
    return this.journal.has(`${inheritanceDirectory}/${handoff}/journal.jsonl`)
  }

  /** The packs that a process which starts now would know to be here. */
  journaled(handoff: string): PackSet {
    const folder = `${inheritanceDirectory}/${handoff}`
    const files = this.journal.view()
    const held = files.list(`${folder}/held`).flatMap((name) => (/^\d+$/.test(name) ? Number(name) : []))
    return PackSet.of([...held, ...(recallJournal(folder, files)?.entries ?? []).map(({ pack }) => pack)])
  }

  #failed(process: Process, what: string, thrown: unknown): void {
    if (!process.alive || thrown instanceof Killed) return
    this.options.surroundings.log(`${this.name}: ${what} failed: ${String(thrown)}`)
    if (!(thrown instanceof HeirloomError) || thrown.code === 'internal')
      this.options.surroundings.violation(
        'nothing fails by a defect',
        `${this.name}, ${what}: ${thrown instanceof Error ? thrown.stack : String(thrown)}`,
      )
  }

  #onEvent(process: Process, event: { readonly event: string; readonly [field: string]: unknown }): void {
    if (!process.alive || event.event !== 'restored') return
    const truth = this.options.truths.get(String(event['handoff']))
    const number = Number(event['pack'])
    if (truth === undefined) return
    checkBarrier(truth, this.options.identity.peerId, number, (before) => this.journaled(truth.hex).has(before), this.#violate)
    truth.restoredBy(this.options.identity.peerId).add(number)
    for (const { source, ids } of event['sources'] as ReturnType<typeof namedIds>['sources'])
      this.restored.get(truth.hex)?.written(source, ids)
    this.options.surroundings.log(`${this.name} has restored pack ${number}`)
  }

  #checkFence(truth: HandoffTruth, epoch: number): void {
    const fenced = truth.fenced.get(this.options.identity.peerId) ?? 0
    if (epoch <= fenced)
      this.options.surroundings.violation(
        'a fenced heir stops restoring',
        `${this.name} goes on with epoch ${epoch} of ${truth.hex.slice(0, 6)}`,
      )
  }

  #checkHandedOff(result: HandoffResult, receipt: string): void {
    const truth = this.options.truths.get(result.handoff)
    if (truth === undefined) return
    truth.handedOff = result.outcome
    checkHandedOff(truth, result, this.#violate)
    checkReceipt(truth, result, receipt, this.options.identity.publicKey, this.#violate)
  }
}
