// A VM: the production successor and predecessor in processes that are killed, stopped and started again. What the agent does around them is
// done here in the same order; its files, sources and sinks are simulated.

import { Deadline } from '../../src/deadline.ts'
import { HeirloomError } from '../../src/errors.ts'
import { clockSkewMs } from '../../src/limits/wire.ts'
import type { LaneKind } from '../../src/lane/lane.ts'
import type { Identity } from '../../src/seal/identity.ts'
import type { PoolSecret } from '../../src/seal/pool-key.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import type { Demands } from '../../peer/inherit/demands.ts'
import type { namedIds } from '../../peer/inherit/demands-of.ts'
import { inherit } from '../../peer/inherit/inherit.ts'
import { recallJournal } from '../../peer/inherit/journal.ts'
import { waitForAssignment, type Assigned } from '../../peer/inherit/wait.ts'
import type { RelayLink } from '../../peer/relay-link.ts'
import type { HandoffResult } from '../../peer/result.ts'
import { boot, type Running } from './boot.ts'
import type { DataWall } from './data-link.ts'
import { demandChunks } from './demander.ts'
import { checkDeparted, depart } from './departure.ts'
import type { Division } from './division.ts'
import type { HandoffTruth } from './handoff-truth.ts'
import { JournalDisk } from './journal-disk.ts'
import { Killed, MachineClock, Process } from './process.ts'
import { checkBarrier, checkFresh, checkInherited, checkPart } from './result-checks.ts'
import type { NoticePlan, RunningHandoff } from './running-handoff.ts'
import { RestoredState, SimulatedSink } from './restored-state.ts'
import type { SourceScript } from './state.ts'
import type { Surroundings } from './surroundings.ts'

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
  /** What stands before the port at which others dial it. */
  readonly wall: DataWall
  /** What stands before its data port. */
  readonly dataWall: DataWall
  readonly awaits: boolean
  /** It makes connections ahead of time, and to predecessors that can't dial it. */
  readonly dialsFirst: boolean
  readonly sources: readonly SourceScript[]
  readonly restoreMs: number
  /** Its applications demand chunks so often while their state is coming. */
  readonly demandEveryMs: number | undefined
  /** Its state goes ahead of any notice, so often. */
  readonly preshipEveryMs: number | undefined
  /** How it divides its state among several heirs. */
  readonly division: Division | undefined
  /** Of others' divided states it takes these parts; undefined: any. */
  readonly parts: readonly string[] | undefined
  readonly truths: Map<string, HandoffTruth>
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
  /** Those of them that have ended and are being told to the relays: nothing is restored any more. */
  readonly ended = new Set<string>()
  /** How many times its power failed. */
  boots = 0
  sinkFailure = 0
  /** Handoffs that it refused, as older than what it has. */
  readonly stale = new Set<string>()
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
    const { surroundings, identity, clock, awaits, truths } = this.options
    const process = new Process(this.name, surroundings.loop, surroundings.random, clock)
    surroundings.log(`${this.name} starts`)
    process.onKilled(() => {
      this.inheriting.clear()
      this.ended.clear()
      for (const state of this.restored.values()) state.ended()
      for (const truth of truths.values()) truth.here.delete(identity.peerId)
      if (this.journal.hasKilled) this.onKilledWriting()
    })
    this.inheriting.clear()
    const begin = async () => {
      const running = await boot(process, this.options, (event) => this.#onEvent(process, event))
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
    const { surroundings, lanes, truths, dialsFirst } = this.options
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
    this.ended.delete(key)
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
        ...(dialsFirst && { connect: node.connect.bind(node) }),
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
      checkPart(truth, state, result, this.#violate)
      if (result.outcome !== 'fenced') checkFresh(truth, state, result, this.#violate)
    } catch (thrown) {
      if (inheriting.signal.aborted) throw thrown
      if (thrown instanceof HeirloomError && thrown.code === 'stale') this.#refused(truth)
      this.#failed(process, 'inheriting', thrown)
    } finally {
      over.abort()
      state.ended()
      if (process.alive) this.#ended(truth, assignment.epoch)
      for (const sink of sinks) await sink[Symbol.asyncDispose]()
    }
  }

  /** Clocks jump: what was made later may say that it is older. */
  #refused({ hex, createdMs }: HandoffTruth): void {
    const newer = this.options.truths.values().some((other) => this.restored.has(other.hex) && other.createdMs > createdMs + clockSkewMs)
    if (newer) this.stale.add(hex)
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

  #handOff(running: Running, plan: NoticePlan): void {
    const { deadlineMs } = plan
    if (this.isGone || this.isHandingOff) return
    const { process, node, relay, data, inheriting } = running
    const { surroundings, sources } = this.options
    for (const { living } of sources) living?.freeze()
    surroundings.log(`${this.name} is going within ${Math.round(deadlineMs)} ms`)
    inheriting.abort(new HeirloomError('aborted', 'this VM is going'))
    const handoff: RunningHandoff = {
      process,
      deadline: Deadline.after(process.clock, deadlineMs),
      limits: plan.limits,
      stoppedBeforeMs: process.stoppedMs,
      result: undefined,
      hasEnded: false,
    }
    this.handoffs.push(handoff)
    depart(running, this.options, plan, handoff.deadline).then(
      async ({ result, receipt }) => {
        if (!process.alive) return
        handoff.result = result
        surroundings.log(
          `${this.name} has handed off ${result.handoff.slice(0, 6)}: ${result.outcome}, ${result.chunks.delivered} of ${result.chunks.planned} chunks`,
        )
        checkDeparted(result, receipt, {
          ...this.options,
          limits: plan.limits,
          publicKey: this.options.identity.publicKey,
          violate: this.#violate,
        })
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
    if (!process.alive) return
    if (event.event === 'split') this.#split(event['parts'] as { part: string; handoff: string }[])
    if (event.event === 'handoff-end') this.ended.add(`${String(event['handoff'])} ${String(event['epoch'])}`)
    if (event.event !== 'restored') return
    const truth = this.options.truths.get(String(event['handoff']))
    const number = Number(event['pack'])
    if (truth === undefined) return
    checkBarrier(truth, this.options.identity.peerId, number, (before) => this.journaled(truth.hex).has(before), this.#violate)
    truth.restoredBy(this.options.identity.peerId).add(number)
    for (const { source, ids } of event['sources'] as ReturnType<typeof namedIds>['sources'])
      this.restored.get(truth.hex)?.written(source, ids)
    this.options.surroundings.log(`${this.name} has restored pack ${number}`)
  }

  #split(parts: readonly { readonly part: string; readonly handoff: string }[]): void {
    for (const { part, handoff } of parts) {
      const truth = this.options.truths.get(handoff)
      const wrong = truth?.isOfPart(part)
      if (truth !== undefined) truth.isLimited = this.handoffs.at(-1)!.limits.bytesMax !== undefined
      if (wrong !== undefined) this.#violate('a part is a handoff of its own', wrong)
    }
  }

  #checkFence(truth: HandoffTruth, epoch: number): void {
    const fenced = truth.fenced.get(this.options.identity.peerId) ?? 0
    if (epoch <= fenced)
      this.options.surroundings.violation(
        'a fenced heir stops restoring',
        `${this.name} goes on with epoch ${epoch} of ${truth.hex.slice(0, 6)}`,
      )
  }
}
