// From an assignment to its end: opens the header, takes up the journal, restores, and tells applications and relay that it is done.

import { join } from 'node:path'
import type { SourceSummary } from '../../src/chunk/pack.ts'
import { delay, type Clock } from '../../src/clock.ts'
import { asHeirloomError, HeirloomError } from '../../src/errors.ts'
import type { DataEnd } from '../../src/lane/data-end.ts'
import type { LaneKind } from '../../src/lane/lane.ts'
import type { Node } from '../../src/net/node.ts'
import { openHeader, type HeaderInfo } from '../../src/seal/handoff-header.ts'
import { PackOpener } from '../../src/seal/pack-seal.ts'
import type { Assignment } from '../../src/wire/gen/control_pb.ts'
import type { EventLog } from '../events.ts'
import type { Membership } from '../membership.ts'
import type { RelayLink } from '../relay-link.ts'
import { retryMaxMs } from '../../src/limits/link.ts'
import type { HandoffProgress } from '../result.ts'
import type { Sink } from '../source/source.ts'
import type { Demands } from './demands.ts'
import { demandsOf, namedIds } from './demands-of.ts'
import { progressOf, settle } from './account.ts'
import { Claims, type Finishing } from './claims.ts'
import { AcceptedHandoffs, type HandoffAge } from './accepted.ts'
import type { InheritanceDesk } from './desk.ts'
import { systemJournalFiles, type JournalFiles } from './journal-files.ts'
import { Journal, recallJournal, type Recalled } from './journal.ts'
import type { Settled } from './journal-lines.ts'
import { Origins } from './origins.ts'
import { usualOriginRules, type OriginRules } from '../../src/config/origin-place.ts'
import { Restorer } from './restorer.ts'
import { Inheritance, type InheritanceEnd } from './successor.ts'

export interface InheritOptions {
  readonly assignment: Assignment
  readonly membership: Membership
  readonly node: Node
  /** The relay that gave it. */
  readonly relay: RelayLink
  /** All relays of the pool; that one alone unless told. */
  readonly relays?: readonly RelayLink[]
  readonly desk: InheritanceDesk
  /** For data sockets; without it packs come by streams alone. */
  readonly data?: DataEnd | undefined
  /** The sink for what a predecessor calls a source; undefined when there is none here. Called once a source. */
  readonly sinkOf: (summary: SourceSummary) => Sink | undefined
  readonly sinks: readonly Sink[]
  /** Where the journal lives: one folder an inheritance. */
  readonly journalDirectory: string
  /** The machine's own, unless told. */
  readonly journalFiles?: JournalFiles
  readonly lanes: readonly LaneKind[]
  /** Makes a connection to these addresses, for a predecessor that can't dial this peer. */
  readonly connect?: (addresses: readonly string[], options: { signal: AbortSignal }) => Promise<void>
  /** Where chunks that go by reference may be fetched. */
  readonly origins?: OriginRules
  /** State that was sent ahead of a notice which never came is taken up to this age. Undefined: at any. */
  readonly maxAgeMs?: number
  readonly clock: Clock
  readonly random?: () => number
  readonly events: EventLog
  readonly signal: AbortSignal
  readonly onProgress?: (progress: HandoffProgress) => void
  /** From now on chunks can be demanded. */
  readonly onDemands?: (demands: Demands) => void
}

/**
 * Takes one handoff; one that this peer has settled before is only told to the relay again. Throws `stale` for one that is older than what this peer
 * has accepted, and `no-space`, `io`, `source-failed` for what failed here; then the handoff was given back for another heir.
 */
export async function inherit(options: InheritOptions): Promise<Settled> {
  const { assignment, membership, clock, events, signal } = options
  const { secret } = membership
  if (secret === undefined) throw new HeirloomError('config', 'a successor needs the pool secret')
  const startedMs = clock.monotonicMs()
  const claims = new Claims({ ...options, relays: options.relays ?? [options.relay] })
  await refuseAged(options, claims)
  const header = await openHeader(assignment.header, secret, assignment.handoff, membership.wrapping)
  const handoff = Buffer.from(assignment.handoff).toString('hex')
  events.emit('claim', { handoff, epoch: assignment.epoch })
  const place = { ...findJournal(options, header), claims }
  const { recalled } = place
  await refuseGivenBack(options, place)
  if (recalled?.settled !== undefined) return tellSettled(place, recalled.settled)
  await refuseStale(options, place)
  using journal = openJournal(options, place)
  await using parts = openParts(options, { header, journal, startedMs, place })
  const { restorer, origins, inheritance } = parts
  await restorer.recall(recalled?.entries ?? [])
  options.onDemands?.(parts.demands)
  const end = await runToItsEnd(options, inheritance, place)
  // What somebody else is the heir of isn't fetched here.
  if (end === 'fenced') await Promise.all([origins[Symbol.asyncDispose](), claims.yield()])
  await origins.settled()
  signal.throwIfAborted()
  const account = { ...parts.account(), end, elapsedMs: clock.monotonicMs() - startedMs, identityKey: header.identityKey }
  const settled = await settle(options, account)
  events.emit('handoff-end', { ...settled.result })
  // What could not be reached, whoever is given the handoff next gets, this peer from where its journal ends. What has sent all it had needn't keep it.
  if (end === 'partial' && inheritance.isOwedBy(claims.known)) {
    await claims.finish({ released: false, at: (relay) => inheritance.hasAllOf(relay) })
    return settled
  }
  // What a relay's store may have, and this peer takes from none, is for another; unless it had something of its predecessor, of which this is the rest.
  if (end === 'partial' && !options.lanes.includes('store') && restorer.have.size === 0) {
    await giveBack(place)
    return settled
  }
  if (end !== 'fenced') journal.settle(settled)
  return tellSettled(place, settled)
}

/** What is too old here may be good enough for another. */
async function refuseAged(options: InheritOptions, claims: Claims): Promise<void> {
  const { assignment, maxAgeMs = Infinity, events } = options
  const ageMs = Number(assignment.ageMs)
  if (!assignment.standing || ageMs <= maxAgeMs) return
  events.emit('too-old', { handoff: Buffer.from(assignment.handoff).toString('hex'), ageMs })
  await claims.finish({ released: true })
  throw new HeirloomError('not-found', `what was sent ahead is ${Math.round(ageMs / 1000)} s old, which is more than max_age allows`)
}

interface Opened {
  readonly header: Awaited<ReturnType<typeof openHeader>>
  readonly journal: Journal
  readonly startedMs: number
  readonly place: JournalPlace
}

/** What takes part in one inheritance: packs come by the inheritance's lanes, and are restored; what they refer to is fetched. */
function openParts(options: InheritOptions, { header, journal, startedMs, place }: Opened) {
  const { assignment, membership, clock, events, signal } = options
  const handoff = Buffer.from(assignment.handoff).toString('hex')
  let firstPackMs: number | null = null
  const known = new Map<string, Sink | undefined>()
  const sinkOf = (summary: SourceSummary) => {
    if (!known.has(summary.name)) known.set(summary.name, options.sinkOf(summary))
    return known.get(summary.name)
  }
  const progressed = () => options.onProgress?.(progressOf(restorer, origins))
  const origins: Origins = new Origins({
    rules: options.origins ?? usualOriginRules,
    sinkOf: (source) => restorer.sinkOf(source),
    clock,
    signal,
    onFetched({ source, id }, bytes) {
      const name = restorer.sources.get(source)?.name
      events.emit('fetched', { handoff, source: name, id, bytes })
      restorer.restored.note(source, id)
      if (name !== undefined) demands.settled(name, [id], 'restored')
      progressed()
    },
  })
  const restorer: Restorer = new Restorer({
    clock,
    opener: new PackOpener({ key: header.key, pool: membership.pool.id, handoff: assignment.handoff }),
    journal,
    signal,
    sinkOf,
    onFirst: () => place.accepted.began(place.age, clock.nowMs()),
    since: assignment.since,
    onPlaced: (settled) => demands.placed(settled),
    onRestored(pack) {
      if (firstPackMs === null) {
        firstPackMs = clock.monotonicMs() - startedMs
        events.emit('first-pack', { handoff, afterMs: firstPackMs })
        place.accepted.secure()
      }
      events.emit('restored', { handoff, pack: pack.number, chunks: pack.chunks, bytes: pack.bytes, ...namedIds(pack) })
      demands.forget(pack.number)
      progressed()
    },
    onArrived: (pack) => demands.arrived(pack),
    isDemanded: (pack) => demands.wants(pack),
    onReferences: (references) => origins.add(references),
    onAdvanced: () => inheritance.advanced(),
    onFailed: (error) => inheritance.fail(error),
  })
  const demands: Demands = demandsOf(clock, restorer, () => inheritance)
  const inheritance = new Inheritance({
    ...options,
    demands,
    restorer,
    handoff: assignment.handoff,
    epoch: assignment.epoch,
    predecessor: header.predecessor,
    isLive: assignment.live,
    reach: reachOf(options),
    packs: assignment.packs || undefined,
  })
  return {
    restorer,
    origins,
    demands,
    inheritance,
    account: () => ({ restorer, origins, inheritance, known, firstPackMs }),
    [Symbol.asyncDispose]: () => origins[Symbol.asyncDispose](),
  }
}

function reachOf({ connect, assignment: { addresses } }: InheritOptions): ((signal: AbortSignal) => Promise<void>) | undefined {
  return connect === undefined || addresses.length === 0 ? undefined : (signal) => connect(addresses, { signal })
}

/** The relay hears that it is over. Until it has, the journal says so, for when the relay gives it to us again. */
async function tellSettled({ files, directory, accepted, age, claims }: Place, settled: Settled): Promise<Settled> {
  if (settled.result.outcome !== 'fenced') {
    try {
      accepted.ended(age)
    } catch (thrown) {
      // All is restored: a full disk only keeps it from being remembered.
      if (asHeirloomError(thrown).code !== 'no-space') throw thrown
    }
  }
  const isTold = settled.result.outcome === 'fenced' || (await claims.finish({ released: false }))
  if (isTold) files.remove(directory)
  return settled
}

/** Runs the inheritance, open to its predecessor and to what the relays say. */
async function runToItsEnd(options: InheritOptions, inheritance: Inheritance, place: Place): Promise<InheritanceEnd> {
  const { claims } = place
  using seat = options.desk.seat(inheritance)
  void seat
  using following = claims.follow({ onKnown: (relay, known) => inheritance.getFrom(relay, known), onFenced: () => inheritance.fence() })
  void following
  try {
    return await inheritance.run(options.signal)
  } catch (thrown) {
    // What failed here may work elsewhere; what was asked to stop may go on here. Only the first is given back.
    if (!options.signal.aborted) await giveBack(place)
    throw asHeirloomError(thrown)
  }
}

/** For another heir, or for this one with another claim. */
async function giveBack({ accepted, age, claims }: Place): Promise<void> {
  try {
    accepted.givesBack(age, claims.id)
  } catch {
    // Where it can't be remembered, the relays that hear of it are who must.
  }
  await claims.finish({ released: true })
}

/** A relay that was away when this claim was given back gives it out again: it is told now. */
async function refuseGivenBack(options: InheritOptions, { accepted, age, claims }: Place): Promise<void> {
  if (!accepted.hasGivenBack(age.handoff, claims.id)) return
  await sendBack(options, claims, { released: true })
  throw new HeirloomError('stale', 'this claim was given back before, and another may have the handoff')
}

interface JournalPlace {
  readonly directory: string
  readonly files: JournalFiles
  readonly recalled: Recalled | undefined
  readonly accepted: AcceptedHandoffs
  readonly age: HandoffAge
}

interface Place extends JournalPlace {
  readonly claims: Claims
}

/** What earlier processes of this peer wrote of this handoff, and of others. */
function findJournal({ journalDirectory, journalFiles: files = systemJournalFiles }: InheritOptions, header: HeaderInfo): JournalPlace {
  const age = { handoff: Buffer.from(header.handoff).toString('hex'), createdMs: header.createdMs }
  const directory = join(journalDirectory, age.handoff)
  files.makeFolder(directory)
  return { directory, files, recalled: recallJournal(directory, files), accepted: AcceptedHandoffs.recall(journalDirectory, files), age }
}

/** What is older than what is here goes back to the relay: for a peer that has nothing it is better than nothing. */
async function refuseStale(options: InheritOptions, { accepted, age, files, directory, claims }: Place): Promise<void> {
  try {
    accepted.check(age, options.clock.nowMs())
  } catch (thrown) {
    files.remove(directory)
    await sendBack(options, claims, { released: !accepted.hasEnded(age.handoff) })
    throw thrown
  }
}

/** A relay that gives out the same again and again must not keep us busy. */
async function sendBack({ clock, signal }: InheritOptions, claims: Claims, how: Finishing): Promise<void> {
  await claims.finish(how)
  await delay(clock, retryMaxMs, signal)
}

function openJournal({ assignment, membership }: InheritOptions, { directory, files, recalled, age: { handoff } }: JournalPlace): Journal {
  const head = { handoff, epoch: assignment.epoch, seed: Buffer.from(membership.identity.seed).toString('base64') }
  return Journal.open(directory, head, recalled, files)
}
