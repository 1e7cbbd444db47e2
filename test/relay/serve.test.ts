// The relay as a program: what it says, what it refuses to start with, and how it ends.

import { chmod, readFile, stat, writeFile } from 'node:fs/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { formatPoolPublic, formatPoolSecret, generatePool } from '../../src/seal/pool-key.ts'
import { Program } from '../helpers/process.ts'
import { makeTemp, type TempDirectory } from '../helpers/temp.ts'

const test = suite('relay program')

interface Listening {
  readonly addresses: string[]
  readonly http: string
  readonly peerId: string
}

async function listening(relay: Program): Promise<Listening> {
  return (await relay.row('listening')) as unknown as Listening
}

async function writePool(temp: TempDirectory): Promise<string> {
  const pool = generatePool('checkout')
  await writeFile(temp.at('checkout.key'), formatPoolSecret(pool))
  await writeFile(temp.at('checkout.key.pub'), formatPoolPublic(pool))
  return temp.at('checkout.key.pub')
}

function serve(temp: TempDirectory, ...args: string[]): Program {
  return new Program(['relay/cli.ts', 'serve', '--store', temp.at('store'), ...args, '--json'])
}

test('it says first where it listens, answers status, and SIGTERM drains it with exit code 0', async () => {
  await using temp = await makeTemp()
  await using relay = serve(temp, '--pool', await writePool(temp))
  const { addresses, http, peerId } = await listening(relay)
  assert.is(relay.rows[0]!.event, 'listening')
  assert.match(addresses[0]!, new RegExp(`^/ip4/127\\.0\\.0\\.1/tcp/\\d+/p2p/${peerId}$`))
  assert.is((await fetch(`${http}/readyz`)).status, 200)
  await using asking = new Program(['relay/cli.ts', 'status', '--http', http, '--json'])
  const { code, result } = await asking.end()
  assert.is(code, 0)
  assert.is(result['peerId'], peerId)
  relay.kill('SIGTERM')
  assert.is((await relay.end()).code, 0)
})

test("its identity survives a restart and is nobody else's to read", async () => {
  await using temp = await makeTemp()
  const pool = await writePool(temp)
  const peerIds: string[] = []
  for (let start = 0; start < 2; start++) {
    await using relay = serve(temp, '--pool', pool)
    peerIds.push((await listening(relay)).peerId)
  }
  assert.is(peerIds[0], peerIds[1])
  assert.is((await stat(temp.at('store', 'identity.key'))).mode & 0o777, 0o600)
})

test('two relays never open one store', async () => {
  await using temp = await makeTemp()
  const pool = await writePool(temp)
  await using first = serve(temp, '--pool', pool)
  await listening(first)
  await using second = serve(temp, '--pool', pool)
  const { code, result } = await second.end()
  assert.is.not(code, 0)
  assert.is(result.event, 'error')
})

test("wrong key: a pool's secret, or a file that is no key, is refused as a configuration error", async () => {
  await using temp = await makeTemp()
  await writePool(temp)
  await writeFile(temp.at('notes.pub'), 'not a key')
  for (const file of ['checkout.key', 'notes.pub', 'absent.pub']) {
    await using relay = serve(temp, '--pool', temp.at(file))
    const { code, result } = await relay.end()
    assert.is(code, 78, file)
    assert.ok(result['hint'], file)
    assert.not.match(
      JSON.stringify(result),
      new RegExp((await readFile(temp.at('checkout.key'), 'utf8')).match(/"signingSeed": "(.*)"/)![1]!.replaceAll(/[+/]/g, '.')),
    )
  }
})

test('without a store it is a usage error; asking where no relay is says so', async () => {
  await using temp = await makeTemp()
  await using relay = new Program(['relay/cli.ts', 'serve', '--json'])
  assert.is((await relay.end()).code, 64)
  await using asking = new Program(['relay/cli.ts', 'status', '--http', 'http://127.0.0.1:1', '--json'])
  assert.is((await asking.end()).code, 69)
  await writeFile(temp.at('store'), 'a file where the folder must be')
  await chmod(temp.at('store'), 0o600)
  await using blocked = serve(temp)
  assert.is((await blocked.end()).code, 74)
})

test.run()
