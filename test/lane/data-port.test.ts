// The data port: tokens, and whoever has none.
// runs on: node, deno

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../src/clock.ts'
import { probeData } from '../../src/lane/data-dial.ts'
import { DataPort } from '../../src/lane/data-port.ts'
import { dataPreambleTimeoutMs, dataSocketsPendingMax, helloTimeoutMs } from '../../src/limits/lane.ts'
import { until } from '../contract/lane.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { nowMs } from '../helpers/pool.ts'
import { rawSocket, showToken } from '../helpers/raw-socket.ts'
import { refusedLater } from '../helpers/refusal.ts'

const test = suite('data port')

async function scene() {
  const clock = new ManualClock(nowMs)
  const port = await DataPort.open({ host: '127.0.0.1', port: 0, clock })
  const taken: string[] = []
  const expect = (name: string) =>
    port.expect((socket, early) => {
      taken.push(`${name} ${Buffer.from(early).toString()}`)
      socket.destroy()
    })
  return { clock, port, taken, expect, [Symbol.asyncDispose]: () => port[Symbol.asyncDispose]() }
}

test('a token brings its socket to its transfer, with what came after it', async () => {
  await using at = await scene()
  const [one, two] = [at.expect('one'), at.expect('two')]
  await (
    await showToken(at.port.port, two.token, Buffer.from('early'))
  ).heardBytes
  await (
    await showToken(at.port.port, one.token)
  ).heardBytes
  assert.equal(at.taken, ['two early', 'one '])
  assert.is(at.clock.waiting, 0)
})

test('a token that was shown once is worthless: whoever repeats it hears nothing', async () => {
  await using at = await scene()
  const { token } = at.expect('one')
  await (
    await showToken(at.port.port, token)
  ).heardBytes
  assert.is(await (await showToken(at.port.port, token)).heardBytes, 0)
  assert.is(at.taken.length, 1)
  assert.equal([at.port.accepted, at.port.refused], [1, 1])
})

test('a wrong token, a late one and one that was taken back are closed without a word', async () => {
  await using at = await scene()
  const [late, back] = [at.expect('late'), at.expect('back')]
  back[Symbol.dispose]()
  at.clock.advance(helloTimeoutMs)
  for (const token of [new Uint8Array(32), late.token, back.token]) assert.is(await (await showToken(at.port.port, token)).heardBytes, 0)
  assert.equal(at.taken, [])
})

test('a token that comes byte by byte is a token', async () => {
  await using at = await scene()
  const { token } = at.expect('slow')
  const raw = await rawSocket(at.port.port)
  raw.socket.setNoDelay(true)
  for (const byte of Buffer.concat([Buffer.from('HLD1'), token])) raw.socket.write(Buffer.of(byte))
  await raw.heardBytes
  assert.equal(at.taken, ['slow '])
})

test('slow loris: sockets that show nothing cost their place for a few seconds, and keep nobody out', async () => {
  await using at = await scene()
  const { token } = at.expect('honest')
  const slow = await Promise.all(Array.from({ length: dataSocketsPendingMax + 10 }, () => rawSocket(at.port.port, Buffer.from('HL'))))
  await until(() => at.port.pending === dataSocketsPendingMax && at.port.refused === 10)
  await (
    await showToken(at.port.port, token)
  ).heardBytes
  assert.equal(at.taken, ['honest '])
  at.clock.advance(dataPreambleTimeoutMs)
  for (const { heardBytes } of slow) assert.is(await heardBytes, 0)
  assert.is(at.port.pending, 0)
  assert.is(at.clock.waiting, 0)
})

test('a port that is taken is a mistake in the configuration', async () => {
  await using at = await scene()
  const { hint } = await refusedLater(DataPort.open({ host: '127.0.0.1', port: at.port.port, clock: systemClock }), 'config')
  assert.ok(hint)
})

test('a probe says whether somebody listens, and leaves nothing behind', async () => {
  const at = await scene()
  const address = { host: '127.0.0.1', port: at.port.port }
  const { signal } = new AbortController()
  assert.is(await probeData(address, at.clock, signal), true)
  await at[Symbol.asyncDispose]()
  assert.is(await probeData(address, at.clock, signal), false)
  assert.is(await probeData(address, at.clock, AbortSignal.abort()), false)
  assert.is(at.clock.waiting, 0)
})

test.run()
