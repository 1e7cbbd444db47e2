// One inheritance on its own: when it is over, nothing of it goes on.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EventLog } from '../../peer/events.ts'
import { Demands } from '../../peer/inherit/demands.ts'
import { Judgement } from '../../peer/inherit/judgement.ts'
import { Inheritance } from '../../peer/inherit/successor.ts'
import type { Restorer } from '../../peer/inherit/restorer.ts'
import { joinPool } from '../../peer/membership.ts'
import type { RelayClient } from '../../peer/relay-client.ts'
import { HeirloomError } from '../../src/errors.ts'
import type { Node } from '../../src/net/node.ts'
import { orphanMs } from '../../src/limits/handoff.ts'
import { peerIdText } from '../../src/seal/identity.ts'
import { endFrame, welcomeFrame } from '../../src/transfer/messages.ts'
import { frameType } from '../../src/wire/frame.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { channelPair, type MemoryChannel } from '../helpers/channel-pair.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { makeMember, nowMs } from '../helpers/pool.ts'
import { refusedLater } from '../helpers/refusal.ts'
import { settle } from '../helpers/relay-peer.ts'

const test = suite('inheritance')

interface Scene {
  readonly clock: ManualClock
  readonly inheritance: Inheritance
  /** The relay's end of the get, once it has said welcome. */
  readonly relayEnd: Promise<MemoryChannel>
  /** The receipt has come. */
  readonly learnPacks: (packs: number) => void
  /** The predecessor opens a lane, and is never heard again. */
  readonly reachHeir: () => MemoryChannel
  /** On what went ahead of the notice. */
  readonly judgement: Judgement
  /** A pack is being restored from now on, or none any more. */
  readonly restores: (isRestoring: boolean) => void
}

/** An heir to whom all packs that there will be are restored already, and who gets from a relay. */
function scene({ hasLink = true } = {}): Scene {
  const clock = new ManualClock(nowMs)
  const { pool, identity, certificate } = makeMember()
  const relayEnd = Promise.withResolvers<MemoryChannel>()
  const open = () => {
    const { near, far } = channelPair('heir', 'relay')
    far.onFrame(({ type }) => {
      if (type !== frameType.hello) return
      far.send(welcomeFrame({ certificate: new Uint8Array(0), have: new PackSet(), windowBytes: 0 }))
      relayEnd.resolve(far)
    })
    return Promise.resolve(near)
  }
  const restorer = {
    have: new PackSet(),
    packs: undefined,
    judgement: new Judgement(0),
    completeBelow: () => true,
    idle: true,
    isRestoring: false,
    open() {},
    close() {},
    async stop() {},
  }
  const demands = new Demands({
    clock,
    sourceOf: () => undefined,
    nameOf: () => undefined,
    isRestored: () => false,
    isPackRestored: () => false,
    isPackHere: () => false,
    direct: () => undefined,
    store: () => undefined,
    packs: () => undefined,
    onDemand() {},
  })
  const inheritance = new Inheritance({
    demands,
    handoff: new Uint8Array(16),
    epoch: 1,
    predecessor: identity.peer,
    node: { open } as unknown as Node,
    relay: { address: hasLink ? '/memory' : undefined } as unknown as RelayClient,
    data: undefined,
    membership: joinPool({ kind: 'secret', pool }, identity, clock, 'receive'),
    restorer: restorer as unknown as Restorer,
    lanes: ['stream', 'store'],
    isLive: false,
    packs: undefined,
    clock,
    events: new EventLog(clock),
  })
  const learnPacks = (packs: number) => void Object.assign(restorer, { packs })
  const reachHeir = () => {
    const { near, far } = channelPair('heir', peerIdText(identity.peer))
    const have = new PackSet()
    inheritance.acceptDirect('stream', near, { handoff: new Uint8Array(16), role: 'sends', epoch: 1, certificate, have, windowBytes: 0 })
    return far
  }
  const restores = (isRestoring: boolean) => void Object.assign(restorer, { isRestoring })
  return { clock, inheritance, relayEnd: relayEnd.promise, learnPacks, reachHeir, judgement: restorer.judgement, restores }
}

test('when it is complete while the lane is still up, no timer is left running', async () => {
  const { clock, inheritance, relayEnd, learnPacks } = scene()
  const running = inheritance.run(new AbortController().signal)
  const far = await relayEnd
  learnPacks(3)
  far.send(endFrame({ packs: 3, closed: true }))
  assert.is(await running, 'complete')
  assert.is(clock.waiting, 0)
})

test('when it is interrupted, no timer is left running', async () => {
  const { clock, inheritance, relayEnd } = scene()
  const stop = new AbortController()
  const running = inheritance.run(stop.signal)
  await relayEnd
  stop.abort(new HeirloomError('aborted', 'the test says so'))
  await refusedLater(running, 'aborted')
  assert.is(clock.waiting, 0)
})

/** A predecessor whose machine has lost its power closes nothing: its lane stays up until the transport gives up. */
async function silentScene() {
  const { relayEnd, ...rest } = scene()
  const running = rest.inheritance.run(new AbortController().signal)
  const predecessor = rest.reachHeir()
  const relay = await relayEnd
  let end: string | undefined
  void running.then((how) => (end = how))
  const pass = async (durationMs: number) => {
    rest.clock.advance(durationMs)
    await settle()
    return end
  }
  return { ...rest, running, predecessor, relay, pass }
}

test('when the relay takes the predecessor for gone and its lane stays silent, it ends', async () => {
  const { relay, pass, clock } = await silentScene()
  assert.is(await pass(2 * orphanMs), undefined, 'as long as the relay has not said so, the predecessor is slow')
  relay.send(endFrame({ packs: 0, closed: false }))
  await settle()
  assert.is(await pass(orphanMs), 'partial')
  assert.is(clock.waiting, 0)
})

test('while what came is being restored, the predecessor may be waiting for that', async () => {
  const { relay, pass, restores, inheritance } = await silentScene()
  relay.send(endFrame({ packs: 0, closed: false }))
  await settle()
  restores(true)
  assert.is(await pass(3 * orphanMs), undefined)
  restores(false)
  inheritance.advanced()
  assert.is(await pass(orphanMs - 1), undefined)
  assert.is(await pass(orphanMs), 'partial')
})

test('a relay that can not be reached any more may have the rest; one that has said what it has owes nothing', async () => {
  const { inheritance, clock } = scene({ hasLink: false })
  const running = inheritance.run(new AbortController().signal)
  await settle()
  clock.advance(orphanMs)
  assert.is(await running, 'partial')
  assert.ok(inheritance.isOwedBy([]))
  const { relay, pass, inheritance: other } = await silentScene()
  relay.send(endFrame({ packs: 0, closed: false }))
  await settle()
  assert.is(await pass(2 * orphanMs), 'partial')
  assert.not(other.isOwedBy([]))
  assert.ok(other.isOwedBy([{ id: 'another' } as RelayClient]), 'that was not asked yet')
})

test('what any relay tells of that waits for a verdict, waits for it', async () => {
  const { inheritance, judgement, relayEnd } = scene()
  const stop = new AbortController()
  const running = inheritance.run(stop.signal)
  await relayEnd
  const another = { id: 'another', address: undefined } as RelayClient
  inheritance.getFrom(another, { isNews: true, since: 5 })
  inheritance.getFrom(another, { isNews: true, since: 3 })
  assert.is(judgement.since, 5)
  assert.ok(judgement.isOpen(4))
  stop.abort(new HeirloomError('aborted', 'the test says so'))
  await refusedLater(running, 'aborted')
})

test.run()
