// The agent of a VM. Its life reads like the two lines of the design:
//   successor:    up → claim → fetch → open → restore → ready
//   predecessor:  notice → inventory → plan → read → pack → seal → lane → acknowledged → receipt → gone
// A failure of warming is never fatal to the VM's start: it is logged, and the peer goes on guarding.

import { join } from 'node:path'
import process from 'node:process'
import { delay, systemClock } from '../src/clock.ts'
import { Deadline } from '../src/deadline.ts'
import { asHeirloomError, HeirloomError } from '../src/errors.ts'
import { openIdentityFile, readKeyFile } from '../src/cli/secret-file.ts'
import { serveHttp } from '../src/http/serve.ts'
import { failedAgainMaxMs, retryFirstMs } from '../src/limits/link.ts'
import type { DataEnd } from '../src/lane/data-end.ts'
import { listenHost } from '../src/net/local-address.ts'
import { createNode, type LinkingNode } from '../src/net/node.ts'
import { draftHandoff, type HandoffDraft } from '../src/seal/handoff-header.ts'
import type { PolicyAction } from '../src/plan/policy-machine.ts'
import { createAgentMetrics } from './agent-metrics.ts'
import { circuitUse, keepCircuitPlaces } from './circuit-place.ts'
import type { PeerConfig } from './config/schema.ts'
import { EventLog } from './events.ts'
import { handOffAll } from './hand-off.ts'
import { HeirLink } from './heir-link.ts'
import type { Demands } from './inherit/demands.ts'
import { InheritanceDesk } from './inherit/desk.ts'
import { inherit } from './inherit/inherit.ts'
import { SinkRack } from './inherit/sink-rack.ts'
import { waitForAssignment, type Assigned } from './inherit/wait.ts'
import { createLocalApi } from './local-api.ts'
import { Lookout } from './lookout.ts'
import { joinPool, type Membership } from './membership.ts'
import { openData } from './open-data.ts'
import { createNotice } from './notice/create-notice.ts'
import { PolicyRunner, type Occasion } from './policy-runner.ts'
import { ownFacts } from './own-facts.ts'
import { Readiness } from './readiness.ts'
import { rehearse, rehearseOpening } from './rehearsal.ts'
import { Relays } from './relays.ts'
import type { RelayClient } from './relay-client.ts'
import { orderRelays } from './relay-order.ts'
import { exitCodeOf, type HandoffProgress, type HandoffResult } from './result.ts'
import { Preshipping } from './preshipping.ts'
import { running, type PeerOptions, type RunningPeer } from './running-peer.ts'
import { createPartition, divisionOf, type Partition } from './split/partition.ts'
import { createSource } from './source/create-source.ts'
import type { Source } from './source/source.ts'
import { warmUp } from './warm-up.ts'
import { Warming } from './warming.ts'

/** Runs the agent until it has handed off; answers the exit code of the contract's table. Throws what makes it impossible to run at all. */
export async function runPeer(config: PeerConfig, options: PeerOptions = {}): Promise<number> {
  await using peer = await startPeer(config, options)
  const result = await peer.ended
  return result === undefined ? 0 : exitCodeOf(result.outcome)
}

/** Opens everything and starts the agent. Throws `config` (key, socket, listen) and `io`; then nothing is left open. */
export async function startPeer(config: PeerConfig, options: PeerOptions = {}): Promise<RunningPeer> {
  const keyFile = await readKeyFile(config.key)
  if (config.pool !== undefined && config.pool !== keyFile.pool.name) {
    throw new HeirloomError('config', `${config.key} is the key of pool ${keyFile.pool.name}, not of ${config.pool}`, {
      hint: "change `pool`, or give that pool's key",
    })
  }
  const identity = await openIdentityFile(config.identity)
  const membership = joinPool(keyFile, identity, systemClock, keyFile.kind === 'secret' ? 'receive' : 'send')
  await using resources = new AsyncDisposableStack()
  const events = new EventLog(systemClock)
  if (options.onEvent !== undefined) resources.use(events.listen(options.onEvent))
  const warn = (message: string) => events.emit('warning', { message })
  // First of all: their threads start while the rest of the peer does.
  const rack = membership.secret && resources.use(new SinkRack(config.sources, config.state))
  const partition = config.policy.split && createPartition(config.policy.split, options.partOf)
  const sources = config.sources.map((entry) =>
    resources.use(createSource(entry, { onWarning: warn, division: divisionOf(entry, partition) })),
  )
  const node = resources.use(await createNode({ seed: identity.seed, listen: config.listen, circuits: circuitUse(config.policy.lanes) }))
  const host = config.listen[0] && listenHost(config.listen[0])
  const data = resources.use(await openData({ lanes: config.policy.lanes, host, port: config.dataPort ?? 0, clock: systemClock }))
  const relay = resources.use(
    new Relays({
      node,
      relays: orderRelays(config.relays, membership.pool.id),
      certificate: () => membership.certificate(),
      clock: systemClock,
      facts: () => ownFacts(config.policy),
    }),
  )
  resources.use(new HeirLink({ node, relay, events }))
  resources.use(keepCircuitPlaces({ node, relays: relay.each, events, clock: systemClock, lanes: config.policy.lanes }))
  const agent = new Agent({
    config,
    partition,
    options,
    membership,
    events,
    sources,
    rack,
    node,
    data,
    relay,
    desk: await InheritanceDesk.open(node, systemClock),
  })
  const api = createLocalApi(agent)
  resources.use(await serveHttp(api, `unix:${config.socket}`))
  if (config.http !== undefined) resources.use(await serveHttp(api, config.http))
  return running(agent, node.peerId, resources.move())
}

interface AgentParts {
  readonly config: PeerConfig
  readonly options: PeerOptions
  readonly membership: Membership
  readonly events: EventLog
  readonly sources: readonly Source[]
  readonly node: LinkingNode
  readonly data: DataEnd
  readonly relay: Relays
  readonly desk: InheritanceDesk
  /** Of a state that goes to several heirs. */
  readonly partition: Partition | undefined
  /** For the first inheritance; undefined for a peer that can't inherit. */
  readonly rack: SinkRack | undefined
}

class Agent {
  readonly events: EventLog
  readonly warming: Warming
  readonly #parts: AgentParts
  readonly #readiness: Readiness
  readonly #policy: PolicyRunner
  readonly #preshipping: Preshipping
  readonly #metrics
  readonly #lookout: Lookout
  readonly #gone = new AbortController()
  readonly #over = Promise.withResolvers<HandoffResult | undefined>()
  #phase: 'successor' | 'guarding' | 'predecessor' | 'gone' = 'successor'
  #handoff: Promise<HandoffResult> | undefined
  /** Of the handoff; notices move it. */
  #deadline: Deadline | undefined
  #successor: Promise<void> = Promise.resolve()
  #inherited: HandoffResult | undefined
  #handedOff: HandoffResult | undefined
  #receipt: string | undefined
  #rehearsed: Promise<void> | undefined
  /** Made while nobody waits for them, one for each part. */
  #drafts: readonly HandoffDraft[] = []

  constructor(parts: AgentParts) {
    this.#parts = parts
    this.events = parts.events
    this.#lookout = this.#lookOut(parts.config)
    this.#readiness = new Readiness(systemClock, parts.config.policy.readyAt, (why) => {
      parts.events.emit('ready', { why })
      this.warming.ready(why)
      this.#policy.tell('ready')
    })
    this.#preshipping = Preshipping.of(parts.config, { ...parts, clock: systemClock })
    this.warming = new Warming({ config: parts.config, clock: systemClock, events: parts.events, env: process.env })
    this.#policy = new PolicyRunner({
      policy: parts.config.policy,
      clock: systemClock,
      perform: (action, occasion) => this.#perform(action, occasion),
      onState: (state, event) => parts.events.emit('policy', { state, event }),
      onFailed: ({ kind }, { message }) => parts.events.emit('policy-failed', { action: kind, reason: message }),
    })
    this.#metrics = createAgentMetrics(() => ({
      ready: this.ready() !== undefined,
      linked: parts.relay.address !== undefined,
      inherited: this.#inherited,
      handedOff: this.#handedOff,
    }))
  }

  /** Until it has handed off, or was stopped; rejects with what made it impossible to go on. */
  async run(): Promise<HandoffResult | undefined> {
    const { sources, membership } = this.#parts
    this.#policy.start()
    const watching = this.#lookout.watch({ signal: this.#gone.signal })
    const linking = this.#link()
    const shipping = this.#preshipping.run(this.#gone.signal)
    const warming = sources.map((source) =>
      warmUp(source, { events: this.events, signal: this.#gone.signal, warn: (what, thrown) => this.#warn(what, thrown) }),
    )
    if (membership.secret === undefined) warming.push(this.#rehearse().then(() => this.#guard('this peer holds no pool secret')))
    else {
      warming.push(rehearseOpening(membership, systemClock).catch((thrown: unknown) => this.#warn('rehearsal', thrown)))
      this.#successor = this.#succeed()
    }
    try {
      return await this.#over.promise
    } finally {
      this.#phase = 'gone'
      this.#policy[Symbol.dispose]()
      this.#readiness[Symbol.dispose]()
      this.#gone.abort(new HeirloomError('aborted', 'the peer is over'))
      await Promise.allSettled([linking, watching, shipping, ...warming, this.#successor, this.warming.told()])
    }
  }

  /** Ends it without a handoff; one that is under way is finished. Safe to repeat. */
  stop(): void {
    if (this.#handoff === undefined) this.#over.resolve(undefined)
  }

  ready(): string | undefined {
    return this.#readiness.why
  }

  status(): object {
    const { config, node, relay, membership } = this.#parts
    return {
      phase: this.#phase,
      pool: membership.pool.name,
      peerId: node.peerId,
      addresses: node.addresses(),
      relay: relay.address ?? null,
      ready: this.ready() ?? null,
      sources: config.sources.map(({ name, kind }) => ({ name, kind })),
      inherited: this.#inherited ?? null,
      handedOff: this.#handedOff ?? null,
    }
  }

  receipt(): string | undefined {
    return this.#receipt
  }

  async metrics(): Promise<{ text: string; contentType: string }> {
    return { text: await this.#metrics.metrics(), contentType: this.#metrics.contentType }
  }

  /** Hands off now. A second call while it is under way gets the same handoff, and the soonest end holds. */
  handOff({ reason, deadlineMs }: { reason: string; deadlineMs: number }): Promise<HandoffResult> {
    this.#lookout.begin({ kind: `handoff: ${reason}`, deadlineMs })
    return this.#handOffOnce(reason, deadlineMs)
  }

  #handOffOnce(reason: string, deadlineMs: number, how?: PolicyAction): Promise<HandoffResult> {
    this.#deadline ??= Deadline.after(systemClock, deadlineMs)
    this.#handoff ??= this.#handOffUntil(this.#deadline, reason, deadlineMs, how)
    return this.#handoff
  }

  async #handOffUntil(deadline: Deadline, reason: string, deadlineMs: number, how?: PolicyAction): Promise<HandoffResult> {
    const { events } = this.#parts
    this.#phase = 'predecessor'
    this.warming.stop(reason)
    // A successor that is itself going inherits no more.
    this.#inheriting.abort(new HeirloomError('aborted', 'this VM is going'))
    try {
      // What was inherited is the best guess at how much there is to hand on.
      const departure = { reason, deadlineMs, deadline, how, bytes: this.#inherited?.bytes.planned, drafts: this.#drafts }
      const { result, receipt } = await handOffAll({ ...this.#parts, preshipping: this.#preshipping }, departure)
      await this.#lookout.acknowledge()
      this.#handedOff = result
      this.#receipt = receipt
      events.end('result', { ...result })
      // One turn later: whoever asked over the local API gets its answer first.
      setImmediate(() => this.#over.resolve(result))
      return result
    } catch (thrown) {
      this.#over.reject(thrown)
      throw thrown
    }
  }

  #lookOut({ notices }: PeerConfig): Lookout {
    const tell = (event: string, fields: Readonly<Record<string, unknown>>) => this.events.emit(event, fields)
    const sources = notices.map((entry) => createNotice(entry, { clock: systemClock, tell }))
    return new Lookout({
      sources,
      clock: systemClock,
      tell,
      decide: (notice) => this.#policy.notice(notice),
      end: () => this.stop(),
      moved: (endsMs) => this.#deadline?.moveTo(endsMs),
    })
  }

  /** Does what the policy decided. */
  async #perform(action: PolicyAction, occasion: Occasion): Promise<void> {
    const { kind, reason, deadlineMs } = occasion
    if (action.kind === 'handoff') await this.#lookout.handOff(occasion, () => this.#handOffOnce(reason, deadlineMs, action))
    else if (action.kind === 'release') this.stop()
    else this.events.emit('notice-ignored', { kind, reason, deadlineMs, reaction: action.kind })
    if (action.kind === 'preship') await this.#preshipping.hint(action.maxRateBytesPerSecond)
  }

  /** Keeps trying: a relay that is down at the start may be up before the notice. */
  async #link(): Promise<void> {
    try {
      await this.#parts.relay.connectPatiently({ signal: this.#gone.signal })
    } catch (thrown) {
      if (!this.#gone.signal.aborted) this.#over.reject(thrown)
    }
  }

  readonly #inheriting = new AbortController()

  /** The successor's part: what waits for the pool is restored, one handoff after the other, until `await` is over. */
  async #succeed(): Promise<void> {
    const { config, relay } = this.#parts
    const signal = AbortSignal.any([this.#inheriting.signal, this.#gone.signal])
    const endsMs = config.awaitMs === 'always' ? Infinity : systemClock.monotonicMs() + config.awaitMs
    let pauseMs = retryFirstMs
    try {
      for (let first = this.#parts.rack; !signal.aborted && systemClock.monotonicMs() < endsMs; first = undefined) {
        await using rack = first ?? new SinkRack(config.sources, config.state)
        const waitMs = Math.min(endsMs - systemClock.monotonicMs(), 0x7fffffff)
        const onNothing = () => {
          this.warming.settle()
          void this.#rehearse().then(() => this.#readiness.settle('nothing waits to be inherited'))
        }
        const assigned = await waitForAssignment({ relays: relay.each, clock: systemClock, waitMs, signal, onNothing })
        if (assigned === undefined) break
        if (await this.#inherit(assigned, rack, signal, pauseMs)) {
          pauseMs = retryFirstMs
          continue
        }
        // The relay may give the same again at once; and another heir comes first meanwhile.
        await delay(systemClock, pauseMs, signal)
        pauseMs = Math.min(2 * pauseMs, failedAgainMaxMs)
      }
    } catch (thrown) {
      if (!signal.aborted) this.#warn('successor', thrown)
    }
    if (!signal.aborted) this.#guard('the time as a successor is over')
  }

  /** Answers whether it went well; what went wrong was told. */
  async #inherit(assigned: Assigned<RelayClient>, rack: SinkRack, signal: AbortSignal, pauseMs: number): Promise<boolean> {
    let isWell = false
    const { config, options, membership, events, node, data, relay, desk } = this.#parts
    try {
      const sinks = { sinkOf: (summary: { name: string; kind: string }) => rack.sinkOf(summary), sinks: rack.used }
      const { maxAgeMs } = config.policy
      const common = { membership, node, data, desk, clock: systemClock, events, signal, ...sinks, maxAgeMs }
      const onProgress = (progress: HandoffProgress) => {
        options.onProgress?.(progress)
        const { hitMass, hitMasses } = progress
        if (hitMass !== undefined && hitMasses !== undefined) this.#readiness.restored({ hitMass, bySource: hitMasses })
      }
      const onDemands = (demands: Demands) => this.warming.opened(demands)
      const { result, receipt } = await inherit({
        ...common,
        ...assigned,
        relays: relay.each,
        lanes: config.policy.lanes,
        origins: config.policy.origins,
        connect: node.connect.bind(node),
        journalDirectory: join(config.state, 'inheritance'),
        onProgress,
        onDemands,
      })
      this.#inherited = result
      this.#receipt = receipt
      events.emit('inherited', { ...result })
      this.#policy.tell('inherited')
      isWell = true
    } catch (thrown) {
      if (signal.aborted) throw thrown
      this.#warn('inheritance', thrown, { againInMs: pauseMs })
    }
    this.warming.settle()
    this.#readiness.settle('the inheritance is over')
    return isWell
  }

  /** When nothing is to be done yet: not while something is there to be inherited. */
  #rehearse(): Promise<void> {
    const { membership, node, partition } = this.#parts
    this.#rehearsed ??= rehearse(membership, node, systemClock)
      .then(async () => {
        const drafts = Array.from({ length: partition?.parts.length ?? 1 }, () => draftHandoff(membership.pool))
        this.#drafts = await Promise.all(drafts)
      })
      .catch((thrown: unknown) => this.#warn('rehearsal', thrown))
    return this.#rehearsed
  }

  #guard(why: string): void {
    if (this.#phase === 'successor') this.#phase = 'guarding'
    this.warming.settle()
    this.#readiness.settle(why)
  }

  #warn(what: string, thrown: unknown, more: { againInMs?: number } = {}): void {
    if (this.#gone.signal.aborted) return
    const { code, message } = asHeirloomError(thrown)
    this.events.emit('warning', { message: `${what}: ${message}`, code, ...more })
  }
}
