// A relay whose disk fails for a moment while a predecessor hands off to its store: the handoff goes on where it can, and says what happened.
// time-out: 120 s

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EventLog } from '../../peer/events.ts'
import { handOff } from '../../peer/handoff/predecessor.ts'
import { joinPool } from '../../peer/membership.ts'
import { RelayClient } from '../../peer/relay-client.ts'
import type { HandoffResult } from '../../peer/result.ts'
import { createRelay } from '../../relay/relay.ts'
import { createMemoryPackStore } from '../../relay/store/memory-pack-store.ts'
import { createMemoryRecordStore } from '../../relay/store/memory-record-store.ts'
import { createMemorySource, mebibyte } from '../../scripts/bench/memory-state.ts'
import { systemClock } from '../../src/clock.ts'
import { HeirloomError } from '../../src/errors.ts'
import { leaseMs } from '../../src/limits/link.ts'
import { createNode } from '../../src/net/node.ts'
import { createIdentity } from '../../src/seal/identity.ts'
import { generatePool } from '../../src/seal/pool-key.ts'
import { controlProtocol, transferProtocol } from '../../src/wire/protocols.ts'
import { HeldPackStore, HeldRecordStore } from '../helpers/held-store.ts'

const test = suite('passing trouble of the relay')

const pool = generatePool('test')
const trouble = new HeirloomError('io', 'the disk has failed for a moment')
const local = '/ip4/127.0.0.1/tcp/0'

/** A relay on stores that fail on demand, and a peer that is linked to it. */
async function openScene(onWarning: (warning: HeirloomError) => void) {
  const packs = new HeldPackStore(createMemoryPackStore())
  const records = new HeldRecordStore(createMemoryRecordStore())
  const relayNode = await createNode({ seed: createIdentity().seed, listen: [local] })
  const terms = { quota: {}, leaseMs, keepMsMax: 86_400_000 }
  const relay = createRelay({ self: relayNode.peerId, packs, records, pools: [pool], ...terms, clock: systemClock, onWarning })
  await relayNode.handle(controlProtocol, (channel) => relay.acceptControl(channel))
  await relayNode.handle(transferProtocol, (channel) => relay.acceptTransfer(channel))
  const membership = joinPool({ kind: 'secret', pool }, createIdentity(), systemClock, 'send')
  const node = await createNode({ seed: membership.identity.seed, listen: [] })
  const client = new RelayClient({
    node,
    addresses: relayNode.addresses(),
    certificate: () => membership.certificate(),
    clock: systemClock,
  })
  await client.connect({ signal: AbortSignal.timeout(60_000) })
  const events = new EventLog(systemClock)
  return {
    packs,
    records,
    events,
    async send(): Promise<HandoffResult> {
      const limits = { lanes: ['store'] as const, reserveMs: 1000, bytesMax: undefined, rateBytesPerSecondMax: undefined, keepMs: 600_000 }
      const sources = [createMemorySource(4)]
      const peer = { membership, node, relay: client, clock: systemClock, events }
      return (await handOff({ ...peer, reason: 'test', deadlineMs: 90_000, sources, limits })).result
    },
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      await node[Symbol.asyncDispose]()
      await relay[Symbol.asyncDispose]()
      await relayNode[Symbol.asyncDispose]()
    },
  }
}

test('a store that could not write is tried again, and the receipt says that it failed', async () => {
  await using scene = await openScene(() => {})
  scene.packs.puts.failure = trouble
  using listening = scene.events.listen(({ event }) => {
    if (event === 'lane-down') scene.packs.puts.failure = undefined
  })
  void listening
  const result = await scene.send()
  assert.is(result.outcome, 'parked')
  assert.is(result.bytes.delivered, 4 * mebibyte)
  assert.equal(result.notes, [`lane store: ${trouble.message}`])
})

test('an offer that could not be kept is made again on the same link', async () => {
  const warnings: string[] = []
  await using scene = await openScene((warning) => {
    warnings.push(warning.message)
    scene.records.saves.failure = undefined
  })
  scene.records.saves.failure = trouble
  const result = await scene.send()
  assert.equal(warnings, [trouble.message])
  assert.is(result.outcome, 'parked')
  assert.is(result.bytes.delivered, 4 * mebibyte)
})

test('a full store is no passing trouble: the handoff ends with what went', async () => {
  await using scene = await openScene(() => {})
  scene.packs.puts.failure = new HeirloomError('no-space', 'the disk is full')
  const result = await scene.send()
  assert.is(result.outcome, 'partial')
  assert.is(result.chunks.delivered, 0)
})

test.run()
