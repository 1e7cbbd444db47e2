// A whole handoff from memory to memory: the same predecessor and successor as in `heirloom send` and `heirloom receive`, with a source
// and a sink that cost nothing.

import { inherit } from '../../peer/inherit/inherit.ts'
import type { Demands } from '../../peer/inherit/demands.ts'
import { InheritanceDesk } from '../../peer/inherit/desk.ts'
import { waitForAssignment } from '../../peer/inherit/wait.ts'
import { EventLog } from '../../peer/events.ts'
import { handOff } from '../../peer/handoff/predecessor.ts'
import { joinPool, type Membership } from '../../peer/membership.ts'
import { openData } from '../../peer/open-data.ts'
import { RelayClient } from '../../peer/relay-client.ts'
import type { HandoffResult } from '../../peer/result.ts'
import { readKeyFile } from '../../src/cli/secret-file.ts'
import { systemClock } from '../../src/clock.ts'
import { HeirloomError } from '../../src/errors.ts'
import type { DataEnd } from '../../src/lane/data-end.ts'
import type { LaneKind } from '../../src/lane/lane.ts'
import { createNode, type Node } from '../../src/net/node.ts'
import { createIdentity } from '../../src/seal/identity.ts'
import type { Tell } from './bare.ts'
import { measureDemands } from './demand-meter.ts'
import { createDroppingSink, createMemorySource, mebibyte } from './memory-state.ts'
import { Meter } from './meter.ts'

export interface MemoryEndExtras {
  /** The sender's bulk begins only then. */
  readonly holdMs?: number
  readonly bytesPerSecondMax?: number | undefined
  /** The receiver demands a small chunk so often; 0: none. */
  readonly demandsEveryMs?: number
}

export interface MemoryEndOptions extends MemoryEndExtras {
  readonly relay: string
  readonly keyFile: string
  readonly lanes: readonly LaneKind[]
  /** Where it listens. */
  readonly host: string
  readonly content: 'random' | 'json'
  readonly bytesPerSecondMax?: number
  /** Said to the other side as this one's data port, which is told. */
  readonly announcedPort?: number
  readonly tell: Tell
  readonly signal: AbortSignal
}

/** Longer than any run: the benchmark measures what goes through, not what a deadline cuts. */
const deadlineMs = 30 * 60 * 1000

/** Hands off `count` chunks of 1 MiB and tells how fast they were acknowledged, from the first pack that was. */
export async function sendMemory(count: number, options: MemoryEndOptions): Promise<void> {
  await using end = await openEnd(options, 'send')
  announce(end.data, options)
  const meter = new Meter()
  end.events.listen(({ event, packs }) => {
    // Every pack has one chunk, so that packs say how many bytes are safe; the receipt at the end has none.
    if (event === 'pack') meter.add(Math.min(Number(packs) * mebibyte, count * mebibyte - meter.bytes))
  })
  const limits = {
    lanes: options.lanes,
    reserveMs: 2000,
    bytesMax: undefined,
    rateBytesPerSecondMax: options.bytesPerSecondMax,
    keepMs: deadlineMs,
  }
  const sources = [createMemorySource(count, options.content, options.holdMs)]
  const { result } = await handOff({ ...end, clock: systemClock, reason: 'benchmark', deadlineMs, sources, limits })
  expectAll(result, count)
  options.tell('rate', {
    megabytesPerSecond: meter.megabytesPerSecond,
    cpuMsPerMebibyte: meter.cpuMsPerMebibyte,
    bytes: result.bytes.delivered,
  })
}

/** Waits for a handoff and tells how fast its chunks were restored, from the first on. */
export async function receiveMemory(count: number, journalDirectory: string, options: MemoryEndOptions): Promise<void> {
  const { tell, signal, lanes, demandsEveryMs = 0 } = options
  await using end = await openEnd(options, 'receive')
  const desk = await InheritanceDesk.open(end.node, systemClock)
  const assigned = await waitForAssignment({
    relays: [end.relay],
    clock: systemClock,
    waitMs: deadlineMs,
    signal,
    onNothing: () => tell('waiting', {}),
  })
  if (assigned === undefined) throw new HeirloomError('timeout', 'no handoff came')
  const meter = new Meter()
  const bulk = Promise.withResolvers<void>()
  const sink = createDroppingSink((bytes) => {
    if (bytes < mebibyte) return
    bulk.resolve()
    meter.add(bytes)
  })
  let demanding: Promise<void> | undefined
  const stop = new AbortController()
  const onDemands = (demands: Demands) => {
    if (demandsEveryMs > 0) demanding = measureDemands({ demands, bulk: bulk.promise, everyMs: demandsEveryMs, tell, signal: stop.signal })
  }
  const common = {
    ...end,
    ...assigned,
    desk,
    sinkOf: () => sink,
    sinks: [sink],
    journalDirectory,
    lanes,
    clock: systemClock,
    signal,
    onDemands,
  }
  const { result } = await inherit(common)
  stop.abort()
  await demanding
  expectAll(result, count)
  tell('rate', { megabytesPerSecond: meter.megabytesPerSecond, cpuMsPerMebibyte: meter.cpuMsPerMebibyte, bytes: result.bytes.delivered })
}

/** Whoever dials comes by whatever listens there. */
function announce({ port }: DataEnd, { announcedPort, tell }: MemoryEndOptions): void {
  if (port === undefined || announcedPort === undefined) return
  tell('data-port', { port: port.port })
  Object.defineProperty(port, 'port', { value: announcedPort })
}

/** A rate of a handoff that lost something is no rate. */
function expectAll({ bytes, outcome, notes }: HandoffResult, count: number): void {
  if (bytes.delivered >= count * mebibyte) return
  throw new HeirloomError('internal', `${outcome}: ${bytes.delivered} bytes of ${count} MiB arrived; ${notes?.join('; ') ?? ''}`)
}

interface End extends AsyncDisposable {
  readonly membership: Membership
  readonly node: Node
  readonly data: DataEnd
  readonly relay: RelayClient
  readonly events: EventLog
}

async function openEnd({ relay: address, keyFile, lanes, host, signal }: MemoryEndOptions, needs: 'send' | 'receive'): Promise<End> {
  const membership = joinPool(await readKeyFile(keyFile), createIdentity(), systemClock, needs)
  const listen = needs === 'receive' ? [`/ip4/${host}/tcp/0`] : []
  const data = await openData({ lanes, host, port: 0, clock: systemClock })
  const node = await createNode({ seed: membership.identity.seed, listen })
  const relay = new RelayClient({ node, addresses: [address], certificate: () => membership.certificate(), clock: systemClock })
  await relay.connect({ signal })
  return {
    membership,
    node,
    data,
    relay,
    events: new EventLog(systemClock),
    async [Symbol.asyncDispose]() {
      await relay[Symbol.asyncDispose]()
      await node[Symbol.asyncDispose]()
      await data[Symbol.asyncDispose]()
    },
  }
}
