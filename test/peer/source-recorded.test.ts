import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { AccessRecorder } from '../../peer/index.ts'
import { preview } from '../../peer/preview.ts'
import { createSource } from '../../peer/source/create-source.ts'
import { criteriaOf, sourcesSchema } from '../../src/plan/manifest.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { SeededRandom } from '../helpers/seed.ts'
import { serveWarmApp } from '../helpers/warm-app.ts'

const test = suite('an application that records its accesses')

/** Early on the first ten keys are read, later the last ten; all others now and then. */
function shop(): AccessRecorder {
  const recorder = new AccessRecorder()
  const random = new SeededRandom(9)
  for (let access = 0; access < 6000; access++) {
    const hot = random.next() < 0.6
    recorder.record(`product-${hot ? random.integer(0, 9) + (access < 2000 ? 0 : 90) : random.integer(10, 89)}`)
  }
  return recorder
}

const bytes = 1000

test('with order: forecast what it forecasts goes first, however it lists it, and what is large has to be worth it', async () => {
  const recorder = shop()
  recorder.evict('product-95')
  const listed = recorder.forecast().reverse()
  const chunks = listed.map(({ key, readShare }) => ({
    id: key,
    content: new Uint8Array(key === 'product-91' ? 20 * bytes : bytes),
    readProbability: readShare,
  }))
  await using app = await serveWarmApp(chunks)
  const manifest = sourcesSchema.parse([{ name: 'shop', kind: 'app', url: app.url, order: 'forecast' }])
  await using source = createSource(manifest[0]!)
  const order: string[] = []
  const found = await preview({
    sources: [source],
    criteria: criteriaOf(manifest),
    deadlineMs: 10_000,
    reserveMs: 0,
    rateBytesPerSecond: bytes,
    bytesMax: undefined,
    clock: new ManualClock(0),
    signal: new AbortController().signal,
    onChunk: ({ id }) => order.push(id),
  })
  const hot = new Set([90, 92, 93, 94, 96, 97, 98, 99].map((product) => `product-${product}`))
  assert.equal(new Set(order.slice(0, 8)), hot)
  assert.is(order.length, 10)
  assert.not(order.includes('product-91'))
  assert.not(order.includes('product-95'))
  assert.ok(found.hitMass > 0.4 && found.hitMass <= found.bound + 1e-9, `${found.hitMass} of at most ${found.bound}`)
})

test.run()
