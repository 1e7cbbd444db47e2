// One handoff, from the notice to the goodbye: inventory → plan → read → pack → seal → lane → acknowledged → receipt.
// Sources are read side by side, lanes are kept up side by side, and the deadline holds for all of it.

import { Deadline } from '../../src/deadline.ts'
import { HeirloomError } from '../../src/errors.ts'
import type { LaneKind, SendingLane } from '../../src/lane/lane.ts'
import { laneGoodbyeMs, laneStallMs } from '../../src/limits/lane.ts'
import { Plan } from '../../src/plan/plan.ts'
import { createHandoff, type NewHandoff } from '../../src/seal/handoff-header.ts'
import { PackSealer } from '../../src/seal/pack-seal.ts'
import { Dispatcher } from '../../src/transfer/dispatcher.ts'
import type { SealedPack } from '../../src/wire/sealed-pack.ts'
import { Allowance } from './allowance.ts'
import { Bell } from './bell.ts'
import { Feed } from './feed.ts'
import { HeirFollower } from './heir-follower.ts'
import { Inventories } from './inventories.ts'
import { laneChoiceOf, plannedBytes, type LaneChoice } from './lane-choice.ts'
import { LaneKeeper, storeTarget } from './lanes.ts'
import { Ledger } from './ledger.ts'
import { Offering } from './offering.ts'
import { budgetOf, headOf, type HandoffOptions } from './options.ts'
import { compressorOf } from './pack-compressor.ts'
import { Packing } from './packing.ts'
import { createPipeline, type Pipeline } from './pipeline.ts'
import { makeReceipt, progressOf, type HandoffEnd, type Summary } from './account.ts'
import { Chronicle } from './chronicle.ts'
import type { Flow } from './rate-watch.ts'
import type { Standing } from './standing.ts'
import { StallWatch } from './stall-watch.ts'
import { Urgent } from './urgent.ts'

export async function handOff(options: HandoffOptions): Promise<HandoffEnd> {
  const { reason, deadlineMs } = options
  options.events.emit('notice', { reason, deadlineMs })
  return await (await prepareHandoff(options)).run()
}

/** Whoever prepares several can run them from the same moment on. */
export async function prepareHandoff(options: HandoffOptions): Promise<Predecessor> {
  const { membership, clock, ahead } = options
  const startedMs = clock.monotonicMs()
  ahead?.begin(true)
  return new Predecessor(options, ahead?.handoff ?? (await createHandoff(headOf(membership, clock, options.draft))), startedMs)
}

export class Predecessor {
  readonly #options: HandoffOptions
  readonly handoffHex: string
  readonly #deadline: Deadline
  readonly #sendingEnds: Deadline
  readonly #plan: Plan
  readonly #ledger: Ledger
  readonly #dispatcher: Dispatcher
  readonly #allowance: Allowance
  readonly #flow: Flow
  readonly #feeds: Feed[]
  readonly #pipeline: Pipeline
  readonly #packing: Packing
  readonly #urgent: Urgent
  readonly #keeper: LaneKeeper
  readonly #inventories: Inventories
  readonly #heir: HeirFollower
  readonly #offering: Offering
  readonly #choice: LaneChoice
  readonly #stalls: StallWatch
  readonly #bell: Bell
  readonly #stop = new AbortController()
  readonly #tasks: Promise<void>[] = []
  readonly #chronicle: Chronicle
  #keepsStore = false

  constructor(options: HandoffOptions, handoff: NewHandoff, startedMs: number) {
    const { clock, limits, membership } = options
    this.#options = options
    this.#plan = new Plan(options.ahead)
    this.#ledger = new Ledger(options.ahead)
    this.handoffHex = Buffer.from(handoff.handoff).toString('hex')
    this.#chronicle = new Chronicle({ clock, events: options.events, handoff: this.handoffHex, startedMs })
    this.#deadline = options.deadline ?? new Deadline(clock, startedMs + options.deadlineMs)
    this.#sendingEnds = this.#deadline.reserving(limits.reserveMs)
    this.#dispatcher = new Dispatcher(limits.lanes)
    this.#allowance = options.allowance ?? new Allowance(options)
    this.#flow = this.#allowance.rateWatch.open((rate) => void this.#tasks.push(this.#inventories.again(rate, this.#stop.signal)))
    this.#stalls = new StallWatch(clock)
    this.#bell = new Bell(clock)
    this.#inventories = this.#createInventories()
    this.#heir = this.#createHeirFollower()
    this.#choice = laneChoiceOf(options, {
      dispatcher: this.#dispatcher,
      heir: this.#heir,
      until: this.#sendingEnds,
      handoffHex: this.handoffHex,
    })
    this.#offering = new Offering({
      ...options,
      handoff,
      deadline: this.#deadline,
      keepMs: limits.keepMs,
      wish: () => ({ ...options.wish, ...(this.#inventories.settled && { bytes: plannedBytes(this.#plan) }) }),
      heir: this.#heir,
      signal: this.#stop.signal,
      onChange: () => this.#changed(),
      onMoved: () => this.#packAnew(this.#dispatcher.forget('store')),
      onNote: (note) => this.#chronicle.note(note),
    })
    const { aheadBytes } = this.#allowance
    this.#feeds = options.sources.map((source) => {
      const { index } = this.#plan.addSource(source.name, source.kind, options.criteria?.(source.name))
      const onFailed = (error: Error) => this.#chronicle.sourceFailed(source.name, error)
      const onChange = () => (this.#packing.takes(feed) ? this.#pipeline.wake() : this.#changed())
      const feed: Feed = new Feed({ index, source, plan: this.#plan, clock, aheadBytes, onChange, onFailed })
      return feed
    })
    const sealer = options.ahead?.sealer ?? new PackSealer({ key: handoff.key, pool: membership.pool.id, handoff: handoff.handoff })
    const held = { plan: this.#plan, feeds: this.#feeds, ledger: this.#ledger, dispatcher: this.#dispatcher }
    const shared = { ...held, allowance: this.#allowance, signal: this.#stop.signal }
    this.#pipeline = createPipeline({ ...shared, sealer, compressor: compressorOf(options), ahead: options.ahead })
    this.#packing = new Packing({ ...shared, pipeline: this.#pipeline, chronicle: this.#chronicle, onChange: this.#changed })
    this.#urgent = new Urgent({
      ...shared,
      pipeline: this.#pipeline,
      sources: options.sources,
      clock,
      onChange: () => this.#changed(),
      spawn: (task) => void this.#tasks.push(task),
    })
    this.#keeper = this.#createKeeper(handoff)
  }

  async run(): Promise<HandoffEnd> {
    return await this.#during(async () => {
      const cut = await this.#sendAll(this.#sendingEnds)
      if (this.#options.ahead?.isLost === true)
        throw new HeirloomError('fenced', "what was sent ahead of the notice is an heir's already, or at a relay that is lost")
      return await this.#sayGoodbye(cut)
    })
  }

  /** Answers whether all that has changed is at the store, and the catalog that says so. */
  async ship(ahead: Standing, begunMs: number): Promise<boolean> {
    return await this.#during(async () => {
      if ((await this.#sendAll(this.#sendingEnds)) || this.#options.ahead?.isLost === true) return false
      while (this.#pipeline.isHolding) await this.#bell.wait(10)
      ahead.decide(this.#ledger.packs)
      const catalog = this.#pipeline.sealLast()
      await this.#deliver(catalog, this.#sendingEnds)
      if (!this.#dispatcher.isSafe(catalog.number)) return false
      ahead.complete(catalog.number, begunMs)
      await this.#offering.tell()
      return !ahead.isLost
    })
  }

  async #during<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    const { relay } = this.#options
    using listening = this.#offering.listen()
    void listening
    // A relay that doesn't answer must not hold up the sources, nor the end.
    if (relay.address !== undefined) this.#tasks.push(this.#offering.tell())
    this.#tasks.push(this.#takeInventories())
    for (const feed of this.#feeds) this.#tasks.push(feed.run(this.#stop.signal))
    try {
      return await work()
    } finally {
      this.#stop.abort(new HeirloomError('aborted', 'the handoff is over'))
      this.#heir[Symbol.dispose]()
      this.#flow[Symbol.dispose]()
      // A source that ignores the end costs nobody the time, nor does a lane whose other side doesn't end it.
      using patience = this.#deadline.slice(laneGoodbyeMs).signal()
      const over = new Promise((resolve) => patience.signal.addEventListener('abort', resolve, { once: true }))
      await Promise.race([Promise.allSettled(this.#tasks), over])
    }
  }

  #createKeeper({ handoff }: NewHandoff): LaneKeeper {
    const { membership, events } = this.#options
    return new LaneKeeper({
      ...this.#options,
      handoff,
      certificate: () => membership.certificate(),
      onUp: (lane) => {
        this.#stalls.progressed(lane)
        this.#arrived(this.#dispatcher.laneUp(lane), lane.kind)
        if (lane.kind !== 'store') this.#heir.linked(lane.kind)
        events.emit('lane-up', { lane: lane.kind, handoff: this.handoffHex })
        this.#changed()
      },
      onDown: (lane, error) => {
        this.#dispatcher.laneDown(lane)
        this.#heir.unreachable(lane.kind)
        events.emit('lane-down', { lane: lane.kind, handoff: this.handoffHex, ...(error && { reason: error.message }) })
        this.#changed()
      },
      onAcknowledged: (lane, numbers) => this.#acknowledged(lane, numbers),
      onDemanded: (lane, { packs, chunks }) => {
        this.#packAnew([...packs].filter((number) => this.#dispatcher.has('store', number)))
        this.#urgent.demanded(lane, chunks)
      },
      onRoom: () => void (this.#dispatcher.queuedPacks > 0 && this.#changed()),
      onRefused: (kind, error, final) => {
        if (final || !error.retryable) this.#chronicle.noteOnce(`lane ${kind}: ${error.message}`)
        if (kind === 'store' && final) this.#offering.refuse()
        this.#heir.unreachable(kind)
        this.#changed()
      },
    })
  }

  async #takeInventories(): Promise<void> {
    await this.#inventories.take(this.#stop.signal)
    this.#chronicle.foresee(this.#choice.foreseen(this.#ledger.safeBytes))
    // How much it is may decide who inherits it.
    if (!this.#heir.exists && this.#options.relay.address !== undefined && !this.#stop.signal.aborted) await this.#offering.tell()
  }

  #createHeirFollower(): HeirFollower {
    const { limits, data, relay } = this.#options
    return new HeirFollower({
      ...this.#options,
      handoffHex: this.handoffHex,
      links: limits.lanes.filter((kind) => kind !== 'store' && (kind !== 'fast' || data !== undefined)),
      relayAddress: () => relay.address,
      keep: (target, signal) => void this.#tasks.push(this.#keeper.keep(target, AbortSignal.any([signal, this.#stop.signal]))),
      onLost: () => this.#packAnew(this.#dispatcher.forget('heir')),
      onChange: () => this.#changed(),
    })
  }

  #createInventories(): Inventories {
    const { reason, deadlineMs } = this.#options
    return new Inventories({
      ...this.#options,
      plan: this.#plan,
      query: { handoff: this.handoffHex, reason, deadlineMs: Math.floor(deadlineMs), ...budgetOf(this.#options) },
      deadline: this.#deadline,
      onChange: (index) => {
        if (this.#plan.totals(index).settled) this.#feeds[index]!.reconsider()
        else this.#feeds[index]!.poke()
        this.#urgent.listed(index)
        if (this.#options.ahead?.isNotice === true && this.#inventories.settled) this.#options.ahead.decide()
        this.#changed()
      },
      onFailed: (source, error) => {
        this.#chronicle.sourceFailed(source.name, error)
        if (error.code === 'io') this.#chronicle.localFailure ??= error
      },
    })
  }

  /** Keeps the lane to the store up from when it may be needed: an heir comes first, until it has something, since that is when every millisecond counts. */
  #keepStore(): void {
    if (this.#keepsStore || this.#offering.isRefused || !this.#offering.isKnown || !this.#options.limits.lanes.includes('store')) return
    if (this.#heir.isInGrace && !this.#heir.isServed) return
    this.#keepsStore = true
    const kept = this.#keeper.keep(() => storeTarget(this.#options, this.#offering), this.#stop.signal)
    this.#tasks.push(kept.then(() => void (this.#keepsStore = false)))
  }

  /** Sends until everything is safe, or the time is over; answers whether it was cut. */
  async #sendAll(until: Deadline): Promise<boolean> {
    using ending = until.signal()
    ending.signal.addEventListener('abort', () => this.#changed(), { once: true })
    while (!until.passed) {
      this.#sendWhatFits()
      if (this.#everythingIsSafe() || this.#overLimit() || this.#hopeless() || this.#options.ahead?.isLost === true) break
      this.#packing.pull()
      // A runtime's timers fire a little early: the one of the end may come before it.
      await this.#bell.wait(Math.min(laneStallMs / 4, until.leftMs))
      for (const lane of this.#stalls.stalled(this.#dispatcher.lanes()))
        lane.abort(new HeirloomError('timeout', 'nothing was acknowledged'))
    }
    return !this.#everythingIsSafe()
  }

  #sendWhatFits(): void {
    this.#keepStore()
    const { allowed } = this.#choice
    this.#choice.look(Math.max(0, plannedBytes(this.#plan) - this.#ledger.safeBytes))
    for (let next = this.#dispatcher.next(allowed); next !== undefined; next = this.#dispatcher.next(allowed)) {
      if (!this.#allowance.rate.allows(next.pack.bytes, this.#changed, next.isUrgent)) return
      this.#dispatcher.sent(next)
      this.#chronicle.sent(next.lane.kind)
      this.#flow.began()
      this.#choice.sent(next.lane)
      next.lane.send(next.pack)
      this.#packing.pull()
    }
  }

  #everythingIsSafe(): boolean {
    const isRead = this.#inventories.settled && this.#feeds.every((feed) => feed.isDone) && this.#urgent.isIdle
    const isPacked = isRead && !this.#pipeline.isUrgent && !this.#pipeline.isHolding
    return isPacked && this.#dispatcher.queuedPacks === 0 && this.#dispatcher.flyingPacks === 0
  }

  /** As much is safe as the policy allows. */
  #overLimit(): boolean {
    return this.#packing.limitIsReached && this.#dispatcher.queuedPacks === 0 && this.#dispatcher.flyingPacks === 0
  }

  /** Nobody will take what is left: the store has refused us for good and there is no heir. */
  #hopeless(): boolean {
    return this.#offering.isRefused && !this.#heir.exists && this.#dispatcher.lanes().length === 0
  }

  #acknowledged(lane: SendingLane, numbers: readonly number[]): void {
    this.#stalls.progressed(lane)
    if (lane.kind !== 'store') this.#heir.served()
    const before = this.#ledger.safeBytes
    const movedBefore = this.#dispatcher.tallies.get(lane.kind)?.bytes ?? 0
    this.#arrived(this.#dispatcher.acknowledged(lane, numbers), lane.kind)
    this.#pipeline.moved(this.#dispatcher)
    this.#choice.acknowledged(lane, (this.#dispatcher.tallies.get(lane.kind)?.bytes ?? 0) - movedBefore)
    this.#flow.acknowledged(this.#ledger.safeBytes - before, this.#dispatcher.flyingPacks > 0)
    this.#changed()
  }

  #arrived(numbers: readonly number[], lane: LaneKind): void {
    for (const number of numbers) this.#ledger.arrived(number, lane)
    if (numbers.length > 0) this.#options.events.emit('pack', { handoff: this.handoffHex, packs: numbers.length })
    if (numbers.length === 0 || this.#options.onProgress === undefined) return
    this.#options.onProgress(progressOf(this.#summary(true), this.#dispatcher.lanes()[0]?.kind))
  }

  /** Chunks whose packs nobody holds any more are packed again, under new numbers. */
  #packAnew(numbers: readonly number[]): void {
    if (numbers.length === 0) return
    this.#pipeline.supersede(numbers)
    for (const [source, chunks] of this.#ledger.lost(numbers)) {
      this.#plan.giveBack(source, [...chunks])
      this.#feeds[source]!.poke()
    }
    this.#changed()
  }

  /** The receipt as the last pack, then Close and End. Uses the reserve, never more. */
  async #sayGoodbye(cut: boolean): Promise<HandoffEnd> {
    const { membership, events } = this.#options
    // A pack that is being sealed has the lower number.
    while (this.#pipeline.isHolding) await this.#bell.wait(10)
    this.#chronicle.foresee(this.#choice.foreseen(this.#ledger.safeBytes))
    const summary = this.#summary(!cut, true)
    const content = new TextEncoder().encode(this.#receipt(summary))
    const signature = membership.identity.sign('heirloom/1 receipt', content)
    // Of a source that hasn't said all, what it has said holds.
    if (!this.#inventories.settled) this.#options.ahead?.decide()
    const last = this.#pipeline.sealLast({ content, signature })
    await this.#deliver(last, this.#deadline.before(laneGoodbyeMs))
    // Without the receipt the heir can't know that it has all.
    const isTold = this.#dispatcher.isSafe(last.number)
    if (!isTold) this.#chronicle.note('nobody has taken the receipt')
    // An heir that is lost while the relay is told has acknowledged for good what it has.
    const final = this.#summary(!cut && isTold, true)
    if (isTold) {
      const packs = last.number + 1
      for (const lane of this.#dispatcher.lanes()) lane.end({ packs, closed: true })
      await this.#offering.close(packs)
    }
    const { localFailure } = this.#chronicle
    events.emit('handoff-end', { ...final.result })
    if (localFailure !== undefined && final.result.chunks.planned === 0) throw localFailure
    return { result: final.result, receipt: this.#receipt(final), summary: final }
  }

  #receipt(summary: Summary): string {
    const { reason, wish } = this.#options
    return makeReceipt(summary, reason, wish?.part)
  }

  async #deliver(last: SealedPack, ending: Deadline): Promise<void> {
    this.#dispatcher.add(last)
    while (!ending.passed && !this.#dispatcher.isSafe(last.number) && !this.#hopeless()) {
      this.#sendWhatFits()
      await this.#bell.wait(Math.min(250, ending.leftMs))
    }
  }

  #summary(whole: boolean, judged = false): Summary {
    return this.#chronicle.summary(judged, {
      epoch: this.#heir.epoch,
      plan: this.#plan,
      ledger: this.#ledger,
      tallies: this.#dispatcher.tallies,
      resentBytes: this.#dispatcher.resentBytes,
      whole,
      toHeir: this.#heir.wasLinked && this.#heir.exists,
      limited: this.#packing.limitIsReached,
    })
  }

  readonly #changed = (): void => {
    this.#pipeline.wake()
    this.#bell.ring()
  }
}
