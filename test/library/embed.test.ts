// The package as a library: one program that opens a relay and two peers, and hands an application's state from one to the other.

import { writeFile } from 'node:fs/promises'
import { type AppSource, HeirloomError, peerConfig, type PeerEvent, serveAppSource, serveHttp, startPeer } from 'heirloom'
import { openRelay } from 'heirloom/relay'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { formatPoolPublic, formatPoolSecret, generatePool } from '../../src/seal/pool-key.ts'
import { refused, refusedLater } from '../helpers/refusal.ts'
import { makeTemp, type TempDirectory } from '../helpers/temp.ts'

const test = suite('library')

/** A cache that an application keeps in memory, as a source. */
function cacheSource(cache: Map<string, string>): AppSource {
  return {
    inventory: () => [...cache.keys()].map((id) => ({ id })),
    read: (id) => {
      const body = cache.get(id)
      return body === undefined ? undefined : { body }
    },
    async restore(chunk) {
      cache.set(chunk.id, await chunk.text())
    },
    ready() {},
  }
}

async function writePool(temp: TempDirectory): Promise<{ secret: string; public: string }> {
  const pool = generatePool('library')
  const files = { secret: temp.at('pool.key'), public: temp.at('pool.key.pub') }
  await writeFile(files.secret, formatPoolSecret(pool), { mode: 0o600 })
  await writeFile(files.public, formatPoolPublic(pool))
  return files
}

test('a program embeds a relay, an application and two peers, and one hands its state to the other', async () => {
  await using temp = await makeTemp()
  const pool = await writePool(temp)
  await using relay = await openRelay({ store: temp.at('store'), pools: [pool.public] })
  const oldCache = new Map(Array.from({ length: 50 }, (_, index) => [`entry ${index}`, 'x'.repeat(index * 100)] as const))
  const newCache = new Map<string, string>()
  await using oldApp = await serveHttp(serveAppSource(cacheSource(oldCache)), `unix:${temp.at('old.sock')}`)
  await using newApp = await serveHttp(serveAppSource(cacheSource(newCache)), `unix:${temp.at('new.sock')}`)
  const configOf = (name: string, url: string) =>
    peerConfig({
      relays: relay.addresses(),
      key: pool.secret,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      state: temp.at(name),
      socket: temp.at(`${name}-peer.sock`),
      notices: [],
      await: 'always',
      sources: [{ name: 'cache', kind: 'app', url }],
    })
  const inherited = Promise.withResolvers<PeerEvent>()
  await using old = await startPeer(configOf('old', oldApp.url))
  const result = await old.handOff({ reason: 'the test says so', deadlineMs: 20_000 })
  assert.is(result.outcome, 'parked')
  assert.is((await old.ended)?.handoff, result.handoff)
  const onEvent = (event: PeerEvent) => event.event === 'inherited' && inherited.resolve(event)
  await using heir = await startPeer(configOf('heir', newApp.url), { onEvent })
  assert.is((await inherited.promise)['handoff'], result.handoff)
  assert.equal(newCache, oldCache)
  assert.is((JSON.parse(heir.receipt()!) as { reason: string }).reason, 'the test says so')
})

test('a peer that is disposed ends without a handoff, and twice is once', async () => {
  await using temp = await makeTemp()
  const pool = await writePool(temp)
  await using relay = await openRelay({ store: temp.at('store'), pools: [pool.public] })
  const config = peerConfig({
    relays: relay.addresses(),
    key: pool.secret,
    state: temp.at('state'),
    socket: temp.at('peer.sock'),
    notices: [],
    sources: [{ name: 'files', kind: 'directory', path: temp.at('files') }],
  })
  const peer = await startPeer(config)
  await peer[Symbol.asyncDispose]()
  await peer[Symbol.asyncDispose]()
  assert.is(await peer.ended, undefined)
})

test('what is wrong with the settings is told before anything is opened', async () => {
  await using temp = await makeTemp()
  const wrong = refused(() => peerConfig({ relays: [], key: 'pool.key', sources: [] }), 'config')
  assert.instance(wrong, HeirloomError)
  await using relay = await openRelay({ store: temp.at('store') })
  const settings = {
    relays: relay.addresses(),
    key: temp.at('nowhere.key'),
    sources: [{ name: 'files', kind: 'directory' as const, path: temp.at('files') }],
  }
  await refusedLater(startPeer(peerConfig(settings)), 'config')
  await refusedLater(openRelay({ store: temp.at('other store'), pools: [temp.at('nowhere.pub')] }), 'config')
})

test.run()
