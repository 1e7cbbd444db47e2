// An application that serves while it warms: what it demands comes ahead of its turn, from the predecessor while it lives, else from the relay,
// and of what won't come it hears so. All three in one process, over real sockets.
// time-out: 120 s

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openRelay } from 'heirloom/relay'
import { connectWarm, peerConfig, type PeerEvent, type RunningPeer, startPeer } from 'heirloom'
import { writeFile } from 'node:fs/promises'
import { formatPoolPublic, formatPoolSecret, generatePool } from '../../src/seal/pool-key.ts'
import { lasting } from '../helpers/lasting.ts'
import { refusedLater } from '../helpers/refusal.ts'
import { makeTemp } from '../helpers/temp.ts'
import { heldChunk, serveWarmApp, type WarmApp } from '../helpers/warm-app.ts'

const test = suite('demand')

/** A chunk to a pack, so that a directory is needed to find one. */
const chunks = Array.from({ length: 150 }, (_, index) => heldChunk(`chunk ${index}`, 1_000_000))
const wanted = 'chunk 140'

interface Scene extends AsyncDisposable {
  readonly old: RunningPeer
  readonly newApp: WarmApp
  heir(): Promise<{ peer: RunningPeer; socket: string }>
  /** The heir's event. */
  event(name: string): Promise<PeerEvent>
  readonly events: readonly PeerEvent[]
}

/** `bulk`: whether the application takes slowly what it hasn't demanded, or nothing of it until what it has demanded is there. */
async function openScene(policy: object, bulk: 'slow' | 'stands'): Promise<Scene> {
  await using resources = new AsyncDisposableStack()
  const temp = resources.use(await makeTemp())
  const pool = generatePool('demand')
  await writeFile(temp.at('pool.key'), formatPoolSecret(pool), { mode: 0o600 })
  await writeFile(temp.at('pool.pub'), formatPoolPublic(pool))
  const relay = resources.use(await openRelay({ store: temp.at('store'), pools: [temp.at('pool.pub')] }))
  const asked = Promise.withResolvers<void>()
  let held = 0
  const oldApp = resources.use(await serveWarmApp(chunks))
  const restored = new Map<string, Uint8Array>()
  const newApp = resources.use(
    await serveWarmApp([], {
      // Of the four packs that are restored at a time at least three stay under way until what was demanded is there. The first says what the
      // sources are.
      async restore(chunk) {
        if (chunk.id === wanted) asked.resolve()
        else if (chunk.id !== chunks[0]!.id)
          await (bulk === 'stands' || held++ < 3 ? asked.promise : Promise.race([asked.promise, lasting(50)]))
        restored.set(chunk.id, await chunk.bytes())
      },
    }),
  )
  const start = (name: string, url: string, more: object, onEvent?: (event: PeerEvent) => void) =>
    startPeer(
      peerConfig({
        relays: relay.addresses(),
        key: temp.at('pool.key'),
        listen: ['/ip4/127.0.0.1/tcp/0'],
        state: temp.at(name),
        socket: temp.at(`${name}.sock`),
        notices: [],
        await: 'always',
        sources: [{ name: 'shop', kind: 'app', url }],
        policy: { reserve: '1s', ...more },
      }),
      { ...(onEvent && { onEvent }) },
    )
  const events: PeerEvent[] = []
  const listeners = new Set<(event: PeerEvent) => void>()
  const old = resources.use(await start('old', oldApp.url, policy))
  const owned = resources.move()
  return {
    old,
    newApp: { ...newApp, restored },
    events,
    async heir() {
      const onEvent = (event: PeerEvent) => {
        events.push(event)
        for (const listener of listeners) listener(event)
      }
      return { peer: owned.use(await start('heir', newApp.url, {}, onEvent)), socket: temp.at('heir.sock') }
    },
    event: (name) => {
      const past = events.find(({ event }) => event === name)
      if (past !== undefined) return Promise.resolve(past)
      return new Promise((resolve) => listeners.add((event) => event.event === name && resolve(event)))
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** After how many others it was restored. */
function turnOf(app: WarmApp, id: string): number {
  return [...app.restored.keys()].indexOf(id)
}

test('what the application demands comes ahead of its turn from a predecessor that lives', async () => {
  await using scene = await openScene({ lanes: ['stream', 'fast'], max_rate: '50MB/s' }, 'stands')
  const { peer, socket } = await scene.heir()
  await scene.event('ready')
  const handingOff = scene.old.handOff({ reason: 'test', deadlineMs: 60_000 })
  await scene.event('claim')
  await using warm = connectWarm(`unix:${socket}`, 'shop')
  const answer = await warm.getAll([wanted, 'never was'], { withinMs: 30_000 })
  assert.equal(answer, { restored: [wanted], absent: ['never was'], late: [] })
  assert.ok(turnOf(scene.newApp, wanted) < 100, `it came after ${turnOf(scene.newApp, wanted)} others`)
  assert.is((await handingOff).outcome, 'delivered')
  await scene.event('inherited')
  assert.is(scene.newApp.restored.size, chunks.length, 'all the others came, too, once')
  assert.is(await peer.warm('shop').get('chunk 3'), true, 'what has come is answered at once, also when all is over')
  assert.is(await peer.warm('shop').get('never was'), false)
  const named = scene.events
    .filter(({ event }) => event === 'restored')
    .flatMap(({ sources }) => sources as { source: string; ids: string[] }[])
  assert.equal(named.flatMap(({ ids }) => ids).toSorted(), chunks.map(({ id }) => id).toSorted(), 'restored chunks are announced')
})

test('what the application demands comes ahead of its turn from the relay, which learns no ids', async () => {
  await using scene = await openScene({}, 'slow')
  assert.is((await scene.old.handOff({ reason: 'test', deadlineMs: 60_000 })).outcome, 'parked')
  const { peer } = await scene.heir()
  await scene.event('claim')
  assert.equal(await peer.warm('shop').getAll([wanted], { withinMs: 30_000 }), { restored: [wanted], absent: [], late: [] })
  assert.ok(turnOf(scene.newApp, wanted) < 120, `it came after ${turnOf(scene.newApp, wanted)} others`)
  assert.is((await scene.event('inherited'))['outcome'], 'delivered')
})

test('where nothing is inherited, what is demanded is known not to come; a source of another name is refused', async () => {
  await using scene = await openScene({}, 'slow')
  const { peer, socket } = await scene.heir()
  await scene.event('ready')
  assert.equal(await peer.warm('shop').getAll(['a', 'b']), { restored: [], absent: ['a', 'b'], late: [] })
  await using warm = connectWarm(`unix:${socket}`, 'no shop')
  await refusedLater(warm.get('a'), 'not-found')
})

test.run()
