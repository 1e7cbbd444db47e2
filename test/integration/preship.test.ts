// State that is at the relay before any notice: at the notice only what has changed goes, and with no notice at all the successor still gets
// what went last. All in one process, over real sockets.
// time-out: 180 s

import { createHash, randomBytes } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { PeerEvent } from 'heirloom'
import { openScene } from '../helpers/peer-scene.ts'
import { heldChunk, type HeldChunk, type WarmApp } from '../helpers/warm-app.ts'

const test = suite('ahead of the notice')

const ahead = { preship: { every: '200ms', rate: '500MB/s' } }
const isShipped = ({ event, complete }: PeerEvent) => event === 'shipped-ahead' && complete === true

function state(count: number, version: string): HeldChunk[] {
  return [
    heldChunk('schema', 5_000, { kind: 'metadata', version }),
    ...Array.from({ length: count }, (_, index) => heldChunk(`c${index}`, 100_000, { version })),
  ]
}

/** As `state`, with other bytes than the first version. */
function changed(id: string): HeldChunk {
  return { ...heldChunk(id, 100_000, { version: '2' }), content: new Uint8Array(100_000).fill(7) }
}

/** So that the bytes that went tell what went. */
function incompressible(chunk: HeldChunk): HeldChunk {
  return { ...chunk, content: randomBytes(chunk.content.byteLength) }
}

function expectState(app: WarmApp, held: ReadonlyMap<string, HeldChunk>): void {
  assert.equal([...app.restored.keys()].toSorted(), [...held.keys()].toSorted())
  for (const [id, { content }] of held) assert.equal(Buffer.from(app.restored.get(id)!).equals(content), true, id)
}

test('at the notice only what has changed goes; what was changed or deleted is not restored as it was', async () => {
  await using scene = await openScene()
  const { held, app } = await scene.app(state(200, '1'))
  const old = await scene.start('old', app, ahead)
  await old.event(isShipped)
  held.set('c7', changed('c7'))
  held.delete('c50')
  held.set('new', heldChunk('new', 50_000, { version: '1' }))
  const result = await old.running.handOff({ reason: 'test', deadlineMs: 30_000 })
  assert.is(result.outcome, 'parked', JSON.stringify(result))
  assert.is(result.chunks.delivered, held.size)
  assert.ok(
    result.bytes.sealed < 0.02 * result.bytes.planned + 10_000,
    `${result.bytes.sealed} of ${result.bytes.planned} bytes went at the notice`,
  )
  const { app: newApp } = await scene.app()
  const heir = await scene.start('heir', newApp, {})
  const inherited = await heir.event(({ event }) => event === 'inherited')
  assert.is(inherited['outcome'], 'delivered', JSON.stringify(inherited))
  expectState(newApp, held)
  assert.is([...newApp.restored.keys()][0], 'schema', 'metadata goes at the notice, and is restored first')
})

test('chunks without a version go ahead by the digest that their application tells, if that is what their content has', async () => {
  await using scene = await openScene()
  const digested = (id: string, isRight = true): HeldChunk => {
    const chunk = incompressible(heldChunk(id, 100_000))
    const told = isRight ? chunk.content : randomBytes(8)
    return { ...chunk, digest: createHash('sha256').update(told).digest('hex') }
  }
  const { held, app } = await scene.app(Array.from({ length: 100 }, (_, index) => digested(`c${index}`)))
  held.set('other', digested('other', false))
  held.set('nothing', incompressible(heldChunk('nothing', 100_000)))
  const old = await scene.start('old', app, ahead)
  await old.event(isShipped)
  held.set('c7', digested('c7'))
  const result = await old.running.handOff({ reason: 'test', deadlineMs: 30_000 })
  assert.is(result.outcome, 'parked', JSON.stringify(result))
  assert.is(result.chunks.delivered, held.size)
  // What has changed, what has another content than its digest says, and what nothing is known of.
  assert.ok(result.bytes.sealed > 300_000 && result.bytes.sealed < 310_000, `${result.bytes.sealed} bytes went at the notice`)
  const { app: newApp } = await scene.app()
  const heir = await scene.start('heir', newApp, {})
  assert.is((await heir.event(({ event }) => event === 'inherited'))['outcome'], 'delivered')
  expectState(newApp, held)
})

test('a successor that waits gets the rest from the predecessor and what went ahead from the relay', async () => {
  await using scene = await openScene()
  const { held, app } = await scene.app(state(100, '1'))
  const old = await scene.start('old', app, ahead)
  await old.event(isShipped)
  const { app: newApp } = await scene.app()
  const heir = await scene.start('heir', newApp, {})
  await heir.event(({ event }) => event === 'ready')
  assert.is(newApp.restored.size, 0, 'while its predecessor lives nobody may have it')
  held.set('c1', changed('c1'))
  held.delete('c2')
  const result = await old.running.handOff({ reason: 'test', deadlineMs: 30_000 })
  assert.is(result.outcome, 'delivered', JSON.stringify(result))
  assert.is((await heir.event(({ event }) => event === 'inherited'))['outcome'], 'delivered')
  expectState(newApp, held)
})

test('with no notice at all the successor gets what went last, and the predecessor that comes back begins anew', async () => {
  await using scene = await openScene()
  const { held, app } = await scene.app(state(100, '1'))
  const old = await scene.start('old', app, ahead)
  await old.event(isShipped)
  held.set('c1', changed('c1'))
  held.delete('c2')
  const rounds = () => old.events.filter(isShipped).length
  const before = rounds()
  // Two more: the first of them may have begun before the change.
  await old.event((event) => isShipped(event) && rounds() >= before + 2)
  const { app: newApp } = await scene.app()
  const heir = await scene.start('heir', newApp, {})
  await heir.event(({ event }) => event === 'ready')
  await old.running[Symbol.asyncDispose]()
  const inherited = await heir.event(({ event }) => event === 'inherited')
  assert.is((inherited['chunks'] as { delivered: number }).delivered, held.size, JSON.stringify(inherited))
  expectState(newApp, held)
})

test('a predecessor that was cut off while its state was claimed hands all of it off anew at its notice', async () => {
  await using scene = await openScene()
  const { held, app } = await scene.app(state(40, '1').map(incompressible))
  const { gate, address } = await scene.gate()
  const old = await scene.start('old', app, ahead, { relays: [address] })
  await old.event(isShipped)
  const { app: newApp } = await scene.app()
  const heir = await scene.start('heir', newApp, {})
  await heir.event(({ event }) => event === 'ready')
  gate.shut()
  await heir.event(({ event }) => event === 'inherited')
  expectState(newApp, held)
  held.set('c1', incompressible(changed('c1')))
  const leaving = old.running.handOff({ reason: 'test', deadlineMs: 30_000 })
  gate.unshut()
  const result = await leaving
  assert.ok(['delivered', 'parked'].includes(result.outcome), JSON.stringify(result))
  assert.is(result.chunks.delivered, held.size)
  assert.ok(result.bytes.sealed >= result.bytes.planned, `${result.bytes.sealed} of ${result.bytes.planned} bytes went`)
})

test('what is too old for the policy is left to others', async () => {
  await using scene = await openScene()
  const { app } = await scene.app(state(10, '1'))
  const old = await scene.start('old', app, ahead)
  await old.event(isShipped)
  const { app: newApp } = await scene.app()
  const heir = await scene.start('heir', newApp, { max_age: '1ms' })
  await heir.event(({ event }) => event === 'ready')
  await old.running[Symbol.asyncDispose]()
  const refused = await heir.event(({ event }) => event === 'too-old')
  assert.ok(Number(refused['ageMs']) > 1)
  assert.is(newApp.restored.size, 0)
})

test.run()
