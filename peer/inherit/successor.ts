// One inheritance: from a claim to the last restored chunk. Packs come from the relay's store and from the predecessor side by side;
// the restorer doesn't care which. Ends when all is here, or when it is known that no more will come.

import { delay, type Clock } from '../../src/clock.ts'
import { asHeirloomError, HeirloomError, type ErrorCode } from '../../src/errors.ts'
import { DataChannel } from '../../src/lane/data-channel.ts'
import type { DataEnd } from '../../src/lane/data-end.ts'
import type { LaneKind } from '../../src/lane/lane.ts'
import { ReceivingLane, type ArrivedPack } from '../../src/lane/receiving-lane.ts'
import { refuse } from '../../src/lane/refuse.ts'
import { falsePacksMax } from '../../src/limits/handoff.ts'
import { acknowledgeGatherShare, directHeadStartMs } from '../../src/limits/lane.ts'
import { reverseDialAfterMs } from '../../src/limits/link.ts'
import type { Node } from '../../src/net/node.ts'
import { checkCertificate } from '../../src/seal/certificate.ts'
import { peerIdText } from '../../src/seal/identity.ts'
import { welcomeFrame, type DataOfferMessage, type HelloMessage } from '../../src/transfer/messages.ts'
import type { Channel } from '../../src/wire/channel.ts'
import type { EventLog } from '../events.ts'
import type { Membership } from '../membership.ts'
import type { RelayLink } from '../relay-link.ts'
import type { Demands } from './demands.ts'
import { OrphanWatch } from './orphan-watch.ts'
import type { Restorer } from './restorer.ts'
import { StoreGet } from './store-get.ts'
import { Windows } from './windows.ts'

export interface InheritanceOptions {
  readonly demands: Demands
  readonly handoff: Uint8Array
  readonly epoch: number
  /** The predecessor's peer id bytes, from the checked header. */
  readonly predecessor: Uint8Array
  readonly node: Node
  /** The relay that gave the handoff. */
  readonly relay: RelayLink
  readonly data?: DataEnd | undefined
  readonly membership: Membership
  readonly restorer: Restorer
  readonly lanes: readonly LaneKind[]
  /** The predecessor is there, and will open a stream to us in a moment. */
  readonly isLive: boolean
  /** How many packs there are in all, if the relay knows. */
  readonly packs: number | undefined
  /** Dials the predecessor; undefined where it can't be dialled. */
  readonly reach?: ((signal: AbortSignal) => Promise<void>) | undefined
  readonly clock: Clock
  readonly random?: () => number
  readonly events: EventLog
}

/** The lanes that a predecessor opens. */
export type DirectKind = 'stream' | 'fast' | 'circuit'

export type InheritanceEnd = 'complete' | 'partial' | 'fenced'

/** What a pack is refused with that its predecessor never sealed so. */
const falsePackCodes: ReadonlySet<ErrorCode> = new Set(['unauthorised', 'malformed', 'too-large', 'unsupported'])

export class Inheritance {
  readonly handoffHex: string
  readonly tallies = new Map<LaneKind, { packs: number; bytes: number }>()
  sealedBytes = 0
  resentBytes = 0
  /** Packs from the relay that don't open. */
  falsePacks = 0
  readonly #options: InheritanceOptions
  readonly #over = Promise.withResolvers<InheritanceEnd>()
  readonly #stop = new AbortController()
  readonly #direct = new Map<DirectKind, ReceivingLane>()
  /** The predecessor's lanes need no head start any more: something of them is restored, or one has closed. */
  readonly #directServed = Promise.withResolvers<void>()
  /** By relay. */
  readonly #gets = new Map<string, StoreGet>()
  readonly #getting: Promise<void>[] = []
  #packs: number | undefined
  #demanded = false
  readonly #orphan: OrphanWatch
  readonly #windows: Windows

  constructor(options: InheritanceOptions) {
    this.#options = options
    this.#orphan = new OrphanWatch({
      ...options,
      hasDirect: () => this.#direct.size > 0,
      isGetting: () => this.store !== undefined,
      hasGot: () => this.#hasGot,
      isRelayThere: () => this.#gets.values().some(({ isThere }) => isThere),
      onSilent: () => this.#direct.forEach((lane) => lane.abort(new HeirloomError('timeout', 'the predecessor is silent'))),
      onOrphaned: () => this.#over.resolve('partial'),
    })
    this.#windows = new Windows({ clock: options.clock, lanes: () => this.#lanes() })
    this.handoffHex = Buffer.from(options.handoff).toString('hex')
  }

  /** How many packs there are in all, when that is known. */
  get packs(): number | undefined {
    return this.#packs ?? this.#options.packs
  }

  /** A lane to the predecessor: rather the stream, whose own packs are few. */
  get direct(): ReceivingLane | undefined {
    return this.#direct.get('stream') ?? this.#direct.get('fast')
  }

  /** A lane from a relay: rather from the one that heard of the handoff last, where what is new goes. */
  get store(): ReceivingLane | undefined {
    return [...this.#gets.values()].findLast(({ lane }) => lane !== undefined)?.lane
  }

  /** Of these relays, which know the handoff, one may have packs that it could not be asked for, or was not yet. */
  isOwedBy(relays: Iterable<RelayLink>): boolean {
    return this.#options.lanes.includes('store') && !(this.#hasGot && [...relays].every((relay) => this.hasAllOf(relay)))
  }

  /** This relay has sent all it will. */
  hasAllOf({ id }: RelayLink): boolean {
    return this.#gets.get(id)?.isEnded === true
  }

  /** All relays have said that they will send no more. */
  get #hasGot(): boolean {
    return this.#gets.size > 0 && this.#gets.values().every(({ isEnded }) => isEnded)
  }

  /** While chunks are demanded less is let in flight beside them: they would wait behind it. */
  calm(): void {
    this.#windows.calm()
  }

  *#lanes(): Generator<readonly [LaneKind, ReceivingLane]> {
    yield* this.#direct
    for (const { lane } of this.#gets.values()) if (lane !== undefined) yield ['store', lane]
  }

  /** Runs to the end. Throws what a sink or the disk failed with (through `fail`), or the signal's reason. */
  async run(signal: AbortSignal): Promise<InheritanceEnd> {
    const onAbort = () => this.#over.reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    this.getFrom(this.#options.relay)
    this.#orphan.begin()
    const dialling = this.#dialBack()
    this.check()
    try {
      return await this.#over.promise
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#orphan.end()
      this.#windows[Symbol.dispose]()
      this.#options.demands.end()
      this.#stop.abort(new HeirloomError('aborted', 'the inheritance is over'))
      const lanes = [...this.#lanes()].map(([, lane]) => lane.close())
      await Promise.all([this.#options.restorer.stop(), ...lanes, ...this.#getting, dialling])
    }
  }

  fail(error: HeirloomError): void {
    for (const [, lane] of this.#lanes()) lane.fail(error)
    this.#over.reject(error)
  }

  /** A newer epoch exists: somebody else is the heir. */
  fence(): void {
    this.#over.resolve('fenced')
  }

  /** The predecessor has opened a lane to us. */
  acceptDirect(kind: DirectKind, channel: Channel, hello: HelloMessage): void {
    const { membership, predecessor, epoch, clock, restorer, events } = this.#options
    let carried: { channel: Channel; data?: DataOfferMessage }
    try {
      if (this.#stop.signal.aborted) throw new HeirloomError('busy', 'this inheritance is over')
      if (channel.remotePeer !== peerIdText(predecessor))
        throw new HeirloomError('unauthorised', 'this is not the predecessor of the handoff')
      checkCertificate(hello.certificate, { pool: membership.pool, peer: predecessor, atMs: clock.nowMs(), needs: 'send' })
      if (hello.epoch !== epoch) throw new HeirloomError('fenced', `this heir has epoch ${epoch}, not ${hello.epoch}`)
      if (!this.#options.lanes.includes(kind)) throw new HeirloomError('unsupported', `this heir takes no lane ${kind}`)
      carried = kind === 'fast' ? this.#carryFast(channel, hello) : { channel }
    } catch (thrown) {
      refuse(channel, thrown)
      return
    }
    this.#direct.get(kind)?.fail(new HeirloomError('link-lost', 'the predecessor opened another stream'))
    const lane = this.#receive(kind, carried.channel, () => {
      if (this.#direct.get(kind) === lane) this.#direct.delete(kind)
      this.#directServed.resolve()
    })
    this.#direct.set(kind, lane)
    const { data } = carried
    const terms = { certificate: membership.certificate(), have: restorer.have, windowBytes: this.#windows.of(kind) }
    channel.send(welcomeFrame({ ...terms, ...(data && { data }) }))
    events.emit('lane-up', { lane: kind, handoff: this.handoffHex })
    this.#windows.opened()
    this.#orphan.begin()
    this.#options.demands.route()
  }

  /** Packs without tags: what was altered can't be opened. */
  #carryFast(control: Channel, { data: theirs }: HelloMessage): { channel: Channel; data?: DataOfferMessage } {
    const { data } = this.#options
    if (data === undefined) throw new HeirloomError('unsupported', 'this heir takes no fast lane')
    const ours = data.offer({ withKey: false })
    const { clock, buffers } = data
    const channel = new DataChannel({ control, role: 'receives', ours, theirs, clock, buffers })
    return { channel, ...(ours && { data: ours.message }) }
  }

  #receive(
    kind: LaneKind,
    channel: Channel,
    onClosed: (error: HeirloomError | undefined) => void,
    onEnded: () => void = () => {},
  ): ReceivingLane {
    const { events, clock } = this.#options
    const gather = channel instanceof DataChannel ? { clock, share: acknowledgeGatherShare } : undefined
    const lane: ReceivingLane = new ReceivingLane(
      channel,
      { windowBytes: this.#windows.of(kind), gather },
      {
        pack: (pack) => this.#take(kind, pack, onEnded),
        ended: (message) => {
          if (message.closed) this.#packs = message.packs
          this.#endGet(onEnded)
          this.check()
        },
        answered: (chunks) => this.#options.demands.answered(chunks),
        closed: (error) => {
          onClosed(error)
          this.#options.demands.route()
          events.emit('lane-down', { lane: kind, handoff: this.handoffHex, ...(error && { reason: error.message }) })
          if (kind === 'store' && error?.code === 'fenced') this.fence()
          this.#orphan.begin()
          this.check()
        },
      },
    )
    return lane
  }

  #take(kind: LaneKind, pack: ArrivedPack, end: () => void): void {
    const { restorer } = this.#options
    this.sealedBytes += pack.bytes
    if (restorer.have.has(pack.number)) this.resentBytes += pack.bytes
    else {
      const tally = this.tallies.get(kind) ?? { packs: 0, bytes: 0 }
      this.tallies.set(kind, { packs: tally.packs + 1, bytes: tally.bytes + pack.bytes })
    }
    this.#orphan.moved()
    try {
      restorer.accept(pack)
    } catch (thrown) {
      this.#refusePack(kind, pack, asHeirloomError(thrown), end)
    }
    // It was opened, or put on disk, or wasn't wanted.
    pack.free()
  }

  /** What a relay gives out was sealed by the predecessor or is not used, and costs no other pack. Throws what ends the lane. */
  #refusePack(kind: LaneKind, pack: ArrivedPack, error: HeirloomError, end: () => void): void {
    if (kind !== 'store' || !falsePackCodes.has(error.code)) throw error
    this.falsePacks++
    if (this.falsePacks > falsePacksMax) {
      this.#endGet(end)
      throw error
    }
    // That it isn't sent again on this stream. Nothing says that it is here.
    pack.settle()
  }

  /** A pack was restored. */
  advanced(): void {
    this.#windows.served()
    this.#orphan.moved()
    this.check()
  }

  /** Whether it is over; called whenever something has changed. */
  check(): void {
    const { restorer, lanes } = this.#options
    if (restorer.have.size > 0) this.#directServed.resolve()
    // The close may never have reached the relay, and a relay may say what it likes: the receipt itself is the last pack.
    if (restorer.packs !== undefined && restorer.completeBelow(restorer.packs)) return this.#over.resolve('complete')
    const packs = restorer.packs ?? this.#packs
    if (packs !== undefined) this.#demandMissing(packs)
    const storeIsDone = !lanes.includes('store') || this.#hasGot
    if (!storeIsDone || this.#direct.size > 0) return
    if (!lanes.includes('store') && packs === undefined) return
    // No more will come: what waited for a barrier goes ahead, and then it is over.
    restorer.open()
    if (restorer.idle) this.#over.resolve('partial')
  }

  /** What the relay should have and can't be asked for is asked from the predecessor, while it lives. */
  #demandMissing(packs: number): void {
    const [direct] = this.#direct.values()
    if (direct === undefined || this.store !== undefined || this.#demanded) return
    const missing = this.#options.restorer.missingBelow(packs)
    if (missing.size === 0) return
    this.#demanded = true
    direct.demand({ packs: missing })
  }

  #endGet(end: () => void): void {
    end()
    this.#orphan.begin()
  }

  /** A predecessor that can't dial this peer may be one that this peer can dial: its lanes take that connection then. */
  async #dialBack(): Promise<void> {
    const { isLive, reach, clock } = this.#options
    const { signal } = this.#stop
    if (!isLive || reach === undefined) return
    try {
      await delay(clock, reverseDialAfterMs, signal)
      if (!this.#direct.has('stream') && !this.#direct.has('fast')) await reach(signal)
    } catch {
      // Then it goes through the relay.
    }
  }

  /** This relay may have packs of the handoff; with news even if it had said that it would send no more. */
  getFrom(relay: RelayLink, { isNews, since } = { isNews: false, since: 0 }): void {
    const { lanes, restorer } = this.#options
    restorer.judgement.raise(since)
    if (!lanes.includes('store') || this.#stop.signal.aborted) return
    const before = this.#gets.get(relay.id)
    if (before !== undefined && !(isNews && before.isEnded)) return
    const get: StoreGet = new StoreGet({
      ...this.#options,
      since: restorer.judgement.since,
      relay,
      windowBytes: () => this.#windows.of('store'),
      packsMoved: () => this.tallies.get('store')?.packs ?? 0,
      receive: (channel, onClosed) => this.#receive('store', channel, onClosed, () => get.end()),
      onUp: () => {
        this.#options.events.emit('lane-up', { lane: 'store', handoff: this.handoffHex })
        this.#windows.opened()
        this.#orphan.begin()
        this.#options.demands.route()
      },
      onFenced: () => this.fence(),
      onChange: () => {
        this.#orphan.begin()
        this.check()
      },
    })
    this.#gets.set(relay.id, get)
    if (this.#gets.size > 1) restorer.close()
    this.#getting.push(this.#letDirectGoFirst(this.#stop.signal).then(() => get.run(this.#stop.signal)))
  }

  /** What the predecessor sends first is worth more than what the store may have, and both at once would each take twice as long. */
  async #letDirectGoFirst(signal: AbortSignal): Promise<void> {
    const { isLive, lanes, clock } = this.#options
    if (!isLive || !lanes.some((kind) => kind === 'stream' || kind === 'fast')) return
    const headStart = delay(clock, directHeadStartMs, signal).catch(() => {})
    await Promise.race([headStart, this.#directServed.promise])
  }
}
