// State that is at the relay before any notice: at the notice only what has changed goes, and with no notice at all the successor still gets
// what went last. All in one process, over real sockets.
// time-out: 180 s

import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { peerConfig, type PeerEvent, type RunningPeer, startPeer } from 'heirloom'
import { openRelay } from 'heirloom/relay'
import { formatPoolPublic, formatPoolSecret, generatePool } from '../../src/seal/pool-key.ts'
import { TcpGate } from '../helpers/tcp-gate.ts'
import { makeTemp } from '../helpers/temp.ts'
import { heldChunk, serveWarmApp, type HeldChunk, type WarmApp } from '../helpers/warm-app.ts'

const test = suite('ahead of the notice')

interface Peer {
  readonly running: RunningPeer
  readonly events: readonly PeerEvent[]
  event(fits: (event: PeerEvent) => boolean): Promise<PeerEvent>
}

async function openScene() {
  await using resources = new AsyncDisposableStack()
  const temp = resources.use(await makeTemp())
  const pool = generatePool('ahead')
  await writeFile(temp.at('pool.key'), formatPoolSecret(pool), { mode: 0o600 })
  await writeFile(temp.at('pool.pub'), formatPoolPublic(pool))
  const relay = resources.use(await openRelay({ store: temp.at('store'), pools: [temp.at('pool.pub')], lease: '1500ms' }))
  const owned = resources.move()
  const start = async (name: string, app: WarmApp, policy: object, relays = relay.addresses()): Promise<Peer> => {
    const events: PeerEvent[] = []
    const waiting = new Set<(event: PeerEvent) => void>()
    const onEvent = (event: PeerEvent) => {
      events.push(event)
      for (const each of waiting) each(event)
    }
    const config = peerConfig({
      relays,
      key: temp.at('pool.key'),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      state: temp.at(name),
      socket: temp.at(`${name}.sock`),
      notices: [],
      await: 'always',
      sources: [{ name: 'shop', kind: 'app', url: app.url }],
      policy: { reserve: '1s', ...policy },
    })
    const running = owned.use(await startPeer(config, { onEvent }))
    return {
      running,
      events,
      event(fits) {
        const past = events.find(fits)
        return past === undefined ? new Promise((resolve) => waiting.add((event) => fits(event) && resolve(event))) : Promise.resolve(past)
      },
    }
  }
  /** An application whose chunks may be changed. */
  const app = async (chunks: readonly HeldChunk[] = []) => {
    const held = new Map(chunks.map((chunk) => [chunk.id, chunk]))
    const inventory = () => [...held.values()].map(({ content, ...chunk }) => ({ bytes: content.byteLength, ...chunk }))
    const read = (id: string) => {
      const content = held.get(id)?.content
      return content && { body: content }
    }
    return { held, app: owned.use(await serveWarmApp([], { inventory, read })) }
  }
  /** The relay behind a gate, and its address there. */
  const gate = async () => {
    const [address] = relay.addresses()
    const opened = owned.use(await TcpGate.open(Number(/tcp\/(\d+)/.exec(address!)![1])))
    return { gate: opened, address: address!.replace(/tcp\/\d+/, `tcp/${opened.port}`) }
  }
  return { start, app, gate, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

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
  const old = await scene.start('old', app, ahead, [address])
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
