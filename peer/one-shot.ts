// `heirloom send` and `heirloom receive`: predecessor and successor for one directory, without a configuration file or an agent.

import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../src/clock.ts'
import { asHeirloomError, HeirloomError } from '../src/errors.ts'
import type { DataEnd } from '../src/lane/data-end.ts'
import type { LaneKind } from '../src/lane/lane.ts'
import { keepMs } from '../src/limits/relay.ts'
import { hostTowards, listenTowards } from '../src/net/local-address.ts'
import { createNode, type LinkingNode } from '../src/net/node.ts'
import { createIdentity, identityFromSeed, type Identity } from '../src/seal/identity.ts'
import type { KeyFile } from '../src/seal/pool-key.ts'
import type { Assignment } from '../src/wire/gen/control_pb.ts'
import { circuitUse, keepCircuitPlaces } from './circuit-place.ts'
import { EventLog, type PeerEvent } from './events.ts'
import { handOff } from './handoff/predecessor.ts'
import { InheritanceDesk } from './inherit/desk.ts'
import { inherit } from './inherit/inherit.ts'
import { recallJournal } from './inherit/journal.ts'
import { waitForAssignment, type Assigned } from './inherit/wait.ts'
import { joinPool, type Membership } from './membership.ts'
import { openData } from './open-data.ts'
import type { RelayLink } from './relay-link.ts'
import { Relays } from './relays.ts'
import { orderRelays } from './relay-order.ts'
import { laneTallies, type HandoffProgress, type HandoffResult } from './result.ts'
import { createDirectorySink } from './source/directory/sink.ts'
import { createDirectorySource } from './source/directory/source.ts'

export interface OneShotOptions {
  readonly relays: readonly string[]
  readonly keyFile: KeyFile
  /** Needed with a certificate, which is for one peer; else a new identity is made. */
  readonly identity: Identity | undefined
  readonly directory: string
  readonly lanes: readonly LaneKind[]
  readonly signal: AbortSignal
  readonly onProgress?: (progress: HandoffProgress) => void
  readonly onEvent?: (event: PeerEvent) => void
}

export interface SendOptions extends OneShotOptions {
  readonly deadlineMs: number
  readonly reserveMs: number
  readonly rateBytesPerSecondMax: number | undefined
  readonly reason: string
}

export interface ReceiveOptions extends OneShotOptions {
  readonly waitMs: number
}

/** The name both sides give the one source. */
const sourceName = 'directory'

/** Hands a directory to a waiting successor, or parks it at the relay. Throws `no-relay`, `io`, `unauthorised` …. */
export async function sendDirectory(options: SendOptions): Promise<HandoffResult> {
  const { directory, lanes, signal, deadlineMs, reserveMs, reason, onProgress } = options
  await expectDirectory(directory)
  const membership = joinPool(options.keyFile, options.identity ?? createIdentity(), systemClock, 'send')
  await using session = await openSession(options, membership, [])
  await using source = createDirectorySource({ name: sourceName, path: directory })
  await session.relay.connect({ signal })
  const limits = { lanes, reserveMs, bytesMax: undefined, rateBytesPerSecondMax: options.rateBytesPerSecondMax, keepMs }
  const { node, data, relay, events } = session
  const common = { membership, node, data, relay, clock: systemClock, events }
  const { result } = await handOff({
    ...common,
    reason,
    deadlineMs,
    sources: [source],
    criteria: () => ({ order: 'forecast' }),
    limits,
    ...(onProgress && { onProgress }),
  })
  return result
}

/** Takes the newest unclaimed handoff of the pool, or waits for one. What a killed `receive` began in this directory it goes on with. */
export async function receiveDirectory(options: ReceiveOptions): Promise<HandoffResult> {
  const { directory, lanes, signal, waitMs, onProgress } = options
  await mkdir(directory, { recursive: true }).catch((thrown: unknown) => {
    throw asHeirloomError(thrown, 'io')
  })
  const begun = await findBegun(directory)
  const identity = begun === undefined ? (options.identity ?? createIdentity()) : identityFromSeed(begun.seed)
  const membership = joinPool(options.keyFile, identity, systemClock, 'receive')
  const staging = join(directory, stagingName)
  await using sink = createDirectorySink({ name: sourceName, path: directory, staging: join(staging, 'parts') })
  await using session = await openSession(options, membership, [await listenTowards(options.relays[0]!)])
  const desk = await InheritanceDesk.open(session.node, systemClock)
  using place = keepCircuitPlaces({ ...session, relays: session.relay.each, clock: systemClock, lanes })
  void place
  await session.relay.connect({ signal })
  const assigned = await resumeOrWait(session.relay, begun, waitMs, signal)
  if (assigned === undefined) return nothing()
  await mkdir(staging, { recursive: true, mode: 0o700 })
  const { node, data, relay, events } = session
  const common = { membership, node, data, relay, desk, lanes, clock: systemClock, events, signal }
  const sinkOf = ({ kind }: { kind: string }) => (kind === 'directory' ? sink : undefined)
  const { result } = await inherit({
    ...common,
    connect: node.connect.bind(node),
    ...assigned,
    relays: relay.each,
    sinkOf,
    sinks: [sink],
    journalDirectory: staging,
    ...(onProgress && { onProgress }),
  })
  await rm(staging, { recursive: true, force: true })
  return result
}

/** Inside the directory, so that finished files can be renamed into place. A source's walk skips this name. */
const stagingName = '.heirloom-receive'

interface Begun {
  readonly handoff: Uint8Array
  readonly epoch: number
  readonly seed: Uint8Array
}

/** The inheritance that a killed process left in this directory. */
async function findBegun(directory: string): Promise<Begun | undefined> {
  const staging = join(directory, stagingName)
  const names = await readdir(staging).catch(() => [])
  for (const name of names) {
    const head = recallJournal(join(staging, name))?.head
    if (head?.handoff !== name) continue
    return { handoff: new Uint8Array(Buffer.from(name, 'hex')), epoch: head.epoch, seed: new Uint8Array(Buffer.from(head.seed, 'base64')) }
  }
  // Staging of an earlier boot or without a journal: nothing in it can be trusted.
  await rm(staging, { recursive: true, force: true })
  return undefined
}

async function resumeOrWait(
  relays: Relays,
  begun: Begun | undefined,
  waitMs: number,
  signal: AbortSignal,
): Promise<Assigned<RelayLink> | undefined> {
  if (begun !== undefined) {
    for (const relay of relays.each) {
      const assignment = await takeUp(relay, begun, signal)
      if (assignment !== undefined) return { assignment, relay }
    }
  }
  return waitForAssignment({ relays: relays.each, clock: systemClock, waitMs, signal })
}

/** Undefined where it is gone or another's by now: what is here is overwritten or completed by the next one. */
async function takeUp(relay: RelayLink, { handoff, epoch }: Begun, signal: AbortSignal): Promise<Assignment | undefined> {
  try {
    const claim = { $typeName: 'heirloom.wire.v1.Claim', handoff, epoch, assignedBy: new Uint8Array(0) } as const
    const { result } = await relay.request({ case: 'claim', value: claim }, { signal })
    return result.case === 'assignment' ? result.value : undefined
  } catch (thrown) {
    const { code } = asHeirloomError(thrown)
    if (code !== 'not-found' && code !== 'fenced' && code !== 'link-lost') throw thrown
    return undefined
  }
}

interface Session extends AsyncDisposable {
  readonly node: LinkingNode
  readonly data: DataEnd
  readonly relay: Relays
  readonly events: EventLog
}

async function openSession(
  { relays: listed, lanes, onEvent }: OneShotOptions,
  membership: Membership,
  listen: readonly string[],
): Promise<Session> {
  const relays = orderRelays(listed, membership.pool.id)
  const events = new EventLog(systemClock)
  if (onEvent !== undefined) events.listen(onEvent)
  // Without a way to the relay, that there is none is said where it is dialled.
  const host = await hostTowards(relays[0]![0]!).catch(() => undefined)
  const data = await openData({ lanes, host, port: 0, clock: systemClock })
  const node = await createNode({ seed: membership.identity.seed, listen, circuits: circuitUse(lanes) })
  const relay = new Relays({ node, relays, certificate: () => membership.certificate(), clock: systemClock })
  return {
    node,
    data,
    relay,
    events,
    async [Symbol.asyncDispose]() {
      await relay[Symbol.asyncDispose]()
      await node[Symbol.asyncDispose]()
      await data[Symbol.asyncDispose]()
    },
  }
}

async function expectDirectory(directory: string): Promise<void> {
  const hint = 'give a directory that this user can read'
  const found = await stat(directory).catch((thrown: unknown) => {
    throw new HeirloomError('io', `${directory} can't be read: ${asHeirloomError(thrown).message}`, { cause: thrown, hint })
  })
  if (!found.isDirectory()) throw new HeirloomError('io', `${directory} is not a directory`, { hint })
}

function nothing(): HandoffResult {
  const none = { planned: 0, delivered: 0 }
  return {
    event: 'result',
    outcome: 'nothing',
    handoff: '',
    epoch: 0,
    elapsedMs: 0,
    firstPackMs: null,
    chunks: { ...none, leftOut: 0 },
    bytes: { ...none, sealed: 0 },
    lanes: laneTallies(new Map()),
    hitMass: { predicted: 0, delivered: 0 },
    resentBytes: 0,
  }
}
