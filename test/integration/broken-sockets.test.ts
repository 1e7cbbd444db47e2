// Whole handoffs whose data sockets are blocked, break, or are meddled with: all arrives, by streams, and the account is true.
// time-out: 300 s

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EventLog } from '../../peer/events.ts'
import { handOff } from '../../peer/handoff/predecessor.ts'
import { InheritanceDesk } from '../../peer/inherit/desk.ts'
import { inherit } from '../../peer/inherit/inherit.ts'
import { waitForAssignment } from '../../peer/inherit/wait.ts'
import { joinPool } from '../../peer/membership.ts'
import { RelayClient } from '../../peer/relay-client.ts'
import type { HandoffResult } from '../../peer/result.ts'
import { openRelay } from '../../relay/open-relay.ts'
import { createDroppingSink, createMemorySource, mebibyte } from '../../scripts/bench/memory-state.ts'
import { systemClock } from '../../src/clock.ts'
import { DataEnd } from '../../src/lane/data-end.ts'
import type { LaneKind } from '../../src/lane/lane.ts'
import { createNode } from '../../src/net/node.ts'
import { createIdentity } from '../../src/seal/identity.ts'
import { formatPoolPublic, generatePool } from '../../src/seal/pool-key.ts'
import { listeningEnd } from '../helpers/data-lane.ts'
import { DataProxy } from '../helpers/data-proxy.ts'

const test = suite('broken data sockets')

const pool = generatePool('test')
const local = '/ip4/127.0.0.1/tcp/0'
const common = { clock: systemClock, signal: AbortSignal.timeout(200_000) }

/** A relay, and a folder that goes with it. */
async function openScene() {
  const folder = await mkdtemp(join(tmpdir(), 'heirloom-sockets-'))
  const publicFile = join(folder, 'pool.pub')
  await writeFile(publicFile, formatPoolPublic(pool))
  const relay = await openRelay({ store: join(folder, 'store'), listen: [local], pools: [publicFile] })
  return {
    relay,
    folder,
    address: relay.addresses()[0]!,
    async [Symbol.asyncDispose]() {
      await relay[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}

async function openPeer(address: string, listen: readonly string[]) {
  const membership = joinPool({ kind: 'secret', pool }, createIdentity(), systemClock, 'receive')
  const node = await createNode({ seed: membership.identity.seed, listen })
  const relay = new RelayClient({ node, addresses: [address], certificate: () => membership.certificate(), clock: systemClock })
  await relay.connect(common)
  return {
    membership,
    node,
    relay,
    events: new EventLog(systemClock),
    async [Symbol.asyncDispose]() {
      await relay[Symbol.asyncDispose]()
      await node[Symbol.asyncDispose]()
    },
  }
}

interface SendOptions {
  readonly mebibytes: number
  readonly lanes: readonly LaneKind[]
  readonly rate?: number
}

async function send(address: string, data: DataEnd, { mebibytes, lanes, rate }: SendOptions): Promise<HandoffResult> {
  await using peer = await openPeer(address, [])
  const limits = { lanes, reserveMs: 1000, bytesMax: undefined, rateBytesPerSecondMax: rate, keepMs: 600_000 }
  const sources = [createMemorySource(mebibytes)]
  const { result } = await handOff({ ...peer, ...common, data, reason: 'test', deadlineMs: 150_000, sources, limits })
  return result
}

async function receive(address: string, folder: string, lanes: readonly LaneKind[], onNothing: () => void): Promise<HandoffResult> {
  await using peer = await openPeer(address, [local])
  const desk = await InheritanceDesk.open(peer.node, systemClock)
  const assigned = await waitForAssignment({ ...common, relays: [peer.relay], waitMs: 150_000, onNothing })
  const sink = createDroppingSink(() => {})
  const taking = { ...assigned!, desk, sinkOf: () => sink, sinks: [sink], journalDirectory: join(folder, 'journal'), lanes }
  const { result } = await inherit({ ...peer, ...common, ...taking, data: new DataEnd(systemClock) })
  return result
}

test('a data port that nobody reaches costs nothing but speed: the handoff completes by stream, with a note', async () => {
  await using scene = await openScene()
  // It offers what was closed again.
  await using proxy = await DataProxy.open({ packsFrom: 'listener' })
  await using listening = await listeningEnd()
  const blocked = proxy.before(listening)
  await proxy.block()
  const waits = Promise.withResolvers<void>()
  const receiving = receive(scene.address, scene.folder, ['fast', 'stream'], waits.resolve)
  await waits.promise
  const sent = await send(scene.address, blocked, { mebibytes: 12, lanes: ['fast', 'stream'], rate: 6e6 })
  const received = await receiving
  assert.equal([sent.outcome, received.outcome], ['delivered', 'delivered'])
  assert.equal([sent.lanes.fast.packs, received.bytes.delivered], [0, 12 * mebibyte])
  assert.is(sent.resentBytes, 0)
  assert.match(sent.notes?.join('; ') ?? '', /lane fast: given up after 3 data sockets/)
})

test('a socket that dies in the middle gives its packs back: nothing is lost, and what was sent twice is said', async () => {
  await using scene = await openScene()
  let passed = 0
  await using proxy = await DataProxy.open({
    packsFrom: 'listener',
    meddle(frame, index) {
      if (index === 3) proxy.cut()
      else passed++
      return [frame]
    },
  })
  await using listening = await listeningEnd()
  const waits = Promise.withResolvers<void>()
  const receiving = receive(scene.address, scene.folder, ['fast', 'stream'], waits.resolve)
  await waits.promise
  const sent = await send(scene.address, proxy.before(listening), { mebibytes: 30, lanes: ['fast', 'stream'], rate: 12e6 })
  const received = await receiving
  assert.equal([sent.outcome, received.outcome], ['delivered', 'delivered'])
  assert.is(received.bytes.delivered, 30 * mebibyte)
  assert.ok(passed > 3, 'another socket took over')
  assert.ok(sent.resentBytes >= mebibyte, 'what was under way was sent again')
})

test('a relay whose data sockets are meddled with still gets and gives everything, by streams', async () => {
  await using scene = await openScene()
  const port = scene.relay.core.data!.port!
  await using proxy = await DataProxy.open({
    packsFrom: 'dialer',
    tagBytes: 16,
    meddle(frame, index) {
      if (index === 2) frame[frame.byteLength >> 1]! ^= 1
      return [frame]
    },
  })
  proxy.lead(port.port)
  Object.defineProperty(port, 'port', { get: () => proxy.port })
  const sent = await send(scene.address, new DataEnd(systemClock), { mebibytes: 8, lanes: ['store'] })
  assert.is(sent.outcome, 'parked')
  assert.is(sent.bytes.delivered, 8 * mebibyte)
  assert.is(scene.relay.core.counts.refusals.get('unauthorised'), 1)
  assert.is(port.accepted, 1)
  const received = await receive(scene.address, scene.folder, ['store'], () => {})
  assert.is(received.outcome, 'delivered')
  assert.is(received.bytes.delivered, 8 * mebibyte)
  assert.is(port.accepted, 2)
})

test.run()
