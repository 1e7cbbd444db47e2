// A peer that is enrolled and evil: what it does ends its own streams, costs the relay a bounded amount of memory, and touches nobody else's handoff.
// time-out: 200 s

import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readProcess } from '../../scripts/load/process-watch.ts'
import { errorFromStatus } from '../../src/errors.ts'
import { parseKeyFile, type PoolSecret } from '../../src/seal/pool-key.ts'
import { frameType } from '../../src/wire/frame.ts'
import { Fleet } from '../helpers/fleet.ts'
import { makeTemp } from '../helpers/temp.ts'
import { beginFrames, EvilPeer, nameMillions, overrun, packFrame, spam, takeAndHold } from './evil-peer.ts'
import { PoolPeer, stateOf, type State } from './pool-peers.ts'

const test = suite('an evil peer')
const rssBytesMax = 300e6

interface Scene extends AsyncDisposable {
  readonly pool: PoolSecret
  readonly fleet: Fleet
  evil(): Promise<EvilPeer>
  honest(): Promise<PoolPeer>
}

async function openScene(): Promise<Scene> {
  const stack = new AsyncDisposableStack()
  // A short lease, so that what is gone is noticed within the test.
  const fleet = stack.use(await Fleet.start({ relay: 'lease: 2s' }))
  const key = parseKeyFile(await readFile(fleet.key, 'utf8'), fleet.key)
  assert.ok(key.kind === 'secret')
  const signal = AbortSignal.timeout(100_000)
  return {
    pool: key.pool,
    fleet,
    evil: async () => stack.use(await EvilPeer.open(key.pool, fleet.address, signal)),
    honest: async () => stack.use(await PoolPeer.open(key.pool, fleet.address)),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** A handoff goes as if nobody else were there, and the relay's process has kept its bounds. */
async function goesOn(scene: Scene): Promise<void> {
  const whole = stateOf('honest', 20)
  assert.is((await (await scene.honest()).handOff(whole)).outcome, 'parked')
  const heir = await scene.honest()
  const state: State = new Map()
  await using temp = await makeTemp()
  const { result } = await heir.inherit((await heir.wait())!, state, temp.path)
  assert.is(result.outcome, 'delivered')
  assert.equal(state, whole)
  const { rssBytes } = await readProcess(scene.fleet.relay!.child.pid!)
  assert.ok(rssBytes < rssBytesMax, `the relay takes ${rssBytes} bytes`)
}

const codeOf = (status: number) => errorFromStatus(status, '').code

test('frames that it begins on every stream it gets, and never ends, cost one room and not their length each', async () => {
  await using scene = await openScene()
  const peers = await Promise.all(Array.from({ length: 4 }, () => scene.evil()))
  const begun = (await Promise.all(peers.map((peer) => beginFrames(peer, 32)))).flat()
  assert.ok(begun.length > 40)
  const { rssBytes } = await readProcess(scene.fleet.relay!.child.pid!)
  assert.ok(rssBytes < rssBytesMax, `the relay takes ${rssBytes} bytes`)
  for (const channel of begun) channel.abort(new Error('enough'))
  await goesOn(scene)
})

test('packs beyond its credit, before a hello, of a size that is a lie, or of another number end its stream', async () => {
  await using scene = await openScene()
  const evil = await scene.evil()
  await overrun(evil, 40)
  const handoff = await evil.offer()
  const { channel, answer } = await evil.transfer({ handoff, role: 'sends' })
  assert.match(answer, /^welcome/)
  // It says that there are a thousand bytes, and ends the stream after ten.
  channel.send({ type: frameType.pack, body: [new Uint8Array(10)], bytes: 1000 })
  await channel.close()
  await channel.closed
  const early = await evil.open('/heirloom/transfer/1')
  early.send(packFrame(0, 1000))
  await early.closed
  const wrong = await evil.transfer({ handoff, role: 'sends' })
  wrong.channel.send(packFrame(2 ** 31, 1000))
  await wrong.channel.closed
  await goesOn(scene)
})

test('it can neither close, finish, put to nor take what is others’, nor learn which handoffs there are', async () => {
  await using scene = await openScene()
  const evil = await scene.evil()
  const honest = await scene.honest()
  const whole = stateOf('honest', 20)
  const { handoff: hex } = await honest.handOff(whole)
  const handoff = new Uint8Array(Buffer.from(hex, 'hex'))
  assert.is(codeOf(await evil.close(handoff, 1)), 'not-found')
  assert.is(codeOf(await evil.finish(handoff, 1)), 'fenced')
  assert.is((await evil.transfer({ handoff, role: 'sends' })).answer, 'not-found')
  assert.is((await evil.transfer({ handoff, role: 'receives', epoch: 1 })).answer, 'fenced')
  for (let guess = 0; guess < 200; guess++) assert.is(codeOf(await evil.claim(new Uint8Array(randomBytes(16)))), 'not-found')
  const header = new Uint8Array(randomBytes(300))
  const forged = { $typeName: 'heirloom.wire.v1.Offer' as const, handoff, header, deadlineMs: 0n, keepMs: 0n }
  assert.is(codeOf(await evil.ask({ case: 'offer', value: forged })), 'malformed')
  const heir = await scene.honest()
  const state: State = new Map()
  await using temp = await makeTemp()
  const { result } = await heir.inherit((await heir.wait())!, state, temp.path)
  assert.equal([result.handoff, result.outcome], [hex, 'delivered'])
  assert.equal(state, whole)
})

test('what it claims and never fetches goes to another when it is gone, whole', async () => {
  await using scene = await openScene()
  const whole = stateOf('honest', 40)
  const { handoff: hex } = await (await scene.honest()).handOff(whole)
  const handoff = new Uint8Array(Buffer.from(hex, 'hex'))
  const evil = await scene.evil()
  assert.is(await evil.claim(handoff), 0)
  // It takes what its window lets in, acknowledges nothing, and names a million packs in every frame.
  const holding = await takeAndHold(evil, handoff, 1)
  await nameMillions(evil, handoff, 1, 200)
  holding.abort(new Error('enough'))
  assert.is(codeOf(await (await scene.evil()).claim(handoff)), 'already-claimed')
  await evil[Symbol.asyncDispose]()
  const heir = await scene.honest()
  const state: State = new Map()
  await using temp = await makeTemp()
  const { result } = await heir.inherit((await heir.wait())!, state, temp.path)
  assert.equal([result.handoff, result.outcome, result.epoch], [hex, 'delivered', 2])
  assert.equal(state, whole)
})

test('a flood of requests, sent without reading an answer, ends its own link', async () => {
  await using scene = await openScene()
  const evil = await scene.evil()
  spam(evil, 3000)
  await goesOn(scene)
})

test.run()
