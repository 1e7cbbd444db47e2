// Asking a metadata service over real HTTP: what is bounded, and what becomes of what goes wrong.
// runs on: node, deno

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openHttpCaller } from '../../peer/notice/http-call.ts'
import { MetadataService } from '../../peer/notice/metadata-service.ts'
import type { Clock } from '../../src/clock.ts'
import { asHeirloomError } from '../../src/errors.ts'
import { FakeCloud, type Fault } from '../cloud/fake-cloud.ts'
import { serveCloud } from '../cloud/metadata-server.ts'
import { startMs } from '../cloud/watching.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('metadata service')
const path = '/latest/meta-data/instance-id'

async function ask(fault: Fault | undefined, signal = new AbortController().signal, clock: Clock = new ManualClock(startMs)) {
  const cloud = new FakeCloud('tencent', () => clock.nowMs())
  if (fault !== undefined) cloud.breakDown(fault)
  await using server = await serveCloud(cloud)
  await using caller = openHttpCaller()
  const service = new MetadataService({ endpoint: `${server.url}/`, clock, call: caller.call })
  const asked = cloud.nextAsked(path)
  const answer = service.ask({ path }, { signal })
  answer.catch(() => {})
  await asked
  if (fault === 'silent' && clock instanceof ManualClock) clock.advance(2_000)
  return await answer
}

async function code(fault: Fault): Promise<string> {
  try {
    return String((await ask(fault)).status)
  } catch (thrown) {
    return asHeirloomError(thrown).code
  }
}

test('an answer comes with its status, its text without white space, and its clock', async () => {
  const { status, text, at } = await ask(undefined)
  assert.equal({ status, text }, { status: 200, text: 'ins-3g445roi' })
  assert.is(at(startMs + 5_000), 5_000)
})

test('silence, a broken connection, too much and a redirect are told apart', async () => {
  assert.is(await code('silent'), 'timeout')
  assert.is(await code('reset'), 'link-lost')
  assert.is(await code('huge'), 'too-large')
  assert.is(await code(302), '302')
})

test('nobody there is no answer, and whoever asks may stop', async () => {
  const server = await serveCloud(new FakeCloud('aws'))
  await server[Symbol.asyncDispose]()
  await using caller = openHttpCaller()
  const service = new MetadataService({ endpoint: server.url, clock: new ManualClock(startMs), call: caller.call })
  const stop = new AbortController()
  const refused = await service.ask({ path }, { signal: stop.signal }).catch((thrown: unknown) => asHeirloomError(thrown).code)
  assert.is(refused, 'link-lost')
  const reason = new Error('enough')
  stop.abort(reason)
  assert.is(await service.ask({ path }, { signal: stop.signal }).catch((thrown: unknown) => thrown), reason)
})

test('a clock that is right is trusted to the millisecond, and a date that is none changes nothing', async () => {
  const clock = new ManualClock(startMs + 900)
  assert.is((await ask(undefined, undefined, clock)).at(startMs + 5_900), 5_000)
})
test.run()
