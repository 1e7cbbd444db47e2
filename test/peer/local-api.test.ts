// What the local API takes and answers, without an agent behind it.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EventLog } from '../../peer/events.ts'
import { createLocalApi } from '../../peer/local-api.ts'
import type { HandoffResult } from '../../peer/result.ts'
import { HeirloomError } from '../../src/errors.ts'
import { demandedChunksMax } from '../../src/limits/demand.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('local API')

function api() {
  const asked: unknown[] = []
  let why: string | undefined
  const handler = createLocalApi({
    events: new EventLog(new ManualClock(0)),
    ready: () => why,
    status: () => ({}),
    receipt: () => undefined,
    metrics: async () => ({ text: '', contentType: 'text/plain' }),
    handOff: async (notice) => void asked.push(notice) as unknown as HandoffResult,
    warming: {
      async demand(query) {
        if (query.source !== 'shop') throw new HeirloomError('not-found', 'there is no such source')
        asked.push(query)
        return { restored: [...query.ids], absent: [], late: [] }
      },
      takeMisses: (count) => ({ granted: count, retryAfterMs: 0 }),
    },
  })
  const post = async (path: string, body: unknown) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const response = await handler(new Request(`http://agent${path}`, { method: 'POST', body: text }))
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  return { asked, post, get: (path: string) => handler(new Request(`http://agent${path}`)), settle: () => (why = 'warm') }
}

test('a demand names a source and chunks, and perhaps how long to wait', async () => {
  const { post, asked } = api()
  assert.equal(await post('/v1/demand', { source: 'shop', chunks: ['a'], withinMs: 50 }), {
    status: 200,
    body: { restored: ['a'], absent: [], late: [] },
  })
  assert.equal(asked, [{ source: 'shop', ids: ['a'], withinMs: 50 }])
})

test('a demand that is wrong is refused with what is wrong', async () => {
  const { post } = api()
  assert.is((await post('/v1/demand', { source: 'none', chunks: [] })).status, 404)
  for (const body of [
    'no JSON',
    [],
    {},
    { source: 'shop' },
    { source: 'shop', chunks: [1] },
    { source: 'shop', chunks: ['a'], withinMs: 1e9 },
    { source: 'shop', chunks: Array.from({ length: demandedChunksMax + 1 }, String) },
  ]) {
    const { status, body: answer } = await post('/v1/demand', body)
    assert.is(status, 400, JSON.stringify(body).slice(0, 80))
    assert.type(answer['message'], 'string')
  }
  assert.is((await post('/v1/demand', 'x'.repeat(2 * 1024 * 1024))).status, 413)
})

test('misses are asked for one at a time, or many', async () => {
  const { post } = api()
  assert.equal((await post('/v1/misses', '')).body, { granted: 1, retryAfterMs: 0 })
  assert.equal((await post('/v1/misses', { count: 30 })).body, { granted: 30, retryAfterMs: 0 })
  assert.is((await post('/v1/misses', { count: -1 })).status, 400)
})

test('readiness is 503 until it is, and liveness always 200', async () => {
  const { get, settle } = api()
  assert.equal([(await get('/livez')).status, (await get('/readyz')).status], [200, 503])
  settle()
  assert.is((await get('/readyz')).status, 200)
})

test.run()
