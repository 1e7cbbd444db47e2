// Bad input at the doors of real processes: bytes, frames and claims that no honest peer sends, and a relay whose disk is full.
// time-out: 300 s

import { execFile } from 'node:child_process'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createNode } from '../../src/net/node.ts'
import { createIdentity } from '../../src/seal/identity.ts'
import { readFailure } from '../../src/transfer/messages.ts'
import type { Channel } from '../../src/wire/channel.ts'
import { frameType, makeFrame, type Frame, type FrameType } from '../../src/wire/frame.ts'
import { controlProtocol, transferProtocol } from '../../src/wire/protocols.ts'
import { startAgent, type TestAgent } from '../helpers/agent.ts'
import { Fleet } from '../helpers/fleet.ts'
import { seeded } from '../helpers/seed.ts'
import { makeTree, treeDifferences } from '../helpers/tree.ts'

const test = suite('bad input')
const run = promisify(execFile)

/** What somebody might say who knocks at the wrong door. */
function* noises(random: () => number): Generator<Buffer> {
  yield Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  yield Buffer.from('\u0013/multistream/1.0.0\n\u0007/noise\n')
  yield Buffer.alloc(70_000, 0xff)
  for (let index = 0; index < 30; index++) yield Buffer.from(Array.from({ length: 1 + index * 40 }, () => Math.floor(random() * 256)))
}

/** Says something to a port, hangs up, and resolves when the connection is over. */
function shout(port: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(bytes))
    socket.on('error', () => {})
    socket.on('data', () => {})
    socket.setTimeout(500, () => socket.destroy())
    socket.on('close', () => resolve())
  })
}

const portOf = (address: string) => Number(/\/tcp\/(\d+)/.exec(address)![1])

async function addressOf(agent: TestAgent): Promise<string> {
  return (JSON.parse((await agent.ask('/v1/status')).text) as { addresses: string[] }).addresses[0]!
}

/** A relay and a waiting successor are tormented by `torment`; after it a handoff must go as if nothing had been. */
async function survive(torment: (relay: { address: string; http: string }, peer: string) => Promise<void>): Promise<void> {
  await using fleet = await Fleet.start()
  const source = await fleet.directory('source')
  const target = join(fleet.folder, 'target')
  makeTree(source, seeded(51))
  const sources = [{ name: 'directory', kind: 'directory', path: target }]
  const heir = await startAgent(fleet, 'heir', { sources })
  await fleet.waiting(1)
  const { http } = (await fleet.relay!.row('listening')) as unknown as { http: string }
  await torment({ address: fleet.address, http }, await addressOf(heir))
  const sent = await fleet.send(source).end()
  assert.is(sent.code, 0, sent.stderr)
  const inherited = await heir.program.row('inherited')
  assert.is(inherited['handoff'], sent.result['handoff'])
  assert.equal(treeDifferences(source, target), [])
}

test('arbitrary bytes on the ports of relay and peer end that connection and nothing else', () =>
  survive(async ({ address, http }, peer) => {
    const random = seeded(52)
    const ports = [portOf(address), portOf(peer), Number(new URL(http).port)]
    for (const noise of noises(random)) await Promise.all(ports.map((port) => shout(port, noise)))
  }))

/** Sends frames on a new stream; answers why the other side ended it. */
async function answerTo(channel: Channel, frames: readonly Frame[]): Promise<string> {
  const failure = Promise.withResolvers<string>()
  channel.onFrame((frame) => {
    if (frame.type === frameType.failure) failure.resolve(readFailure(frame).code)
  })
  void channel.closed.then(() => failure.resolve('closed'))
  for (const frame of frames) channel.send(frame)
  const answer = await failure.promise
  channel.abort(new Error('heard enough'))
  return answer
}

test('oversized and torn frames, frames of unknown types and frames that are no messages end the stream with a reason', () =>
  survive(async ({ address }, peer) => {
    await using node = await createNode({ seed: createIdentity().seed, listen: [] })
    const random = seeded(53)
    const garbage = (bytes: number) => Uint8Array.from({ length: bytes }, () => Math.floor(random() * 256))
    const signal = AbortSignal.timeout(60_000)
    for (const [to, protocol, type] of [
      [address, controlProtocol, frameType.request],
      [address, transferProtocol, frameType.hello],
      [peer, transferProtocol, frameType.hello],
    ] as const) {
      for (const frame of [
        makeFrame(type, new Uint8Array(257 * 1024)),
        makeFrame(frameType.pack, new Uint8Array(5 * 1024 * 1024)),
        makeFrame(200 as FrameType, new Uint8Array(10)),
        makeFrame(type, garbage(1000)),
        makeFrame(frameType.pack, garbage(1000)),
        makeFrame(frameType.acknowledge, garbage(50)),
      ]) {
        const why = await answerTo(await node.open([to], protocol, { signal }), [frame])
        assert.ok(['too-large', 'malformed', 'unsupported', 'unauthorised', 'closed'].includes(why), why)
      }
      // Torn: it says more bytes than come before the stream ends.
      const torn = await node.open([to], protocol, { signal })
      torn.send({ type, body: [garbage(10)], bytes: 100 })
      await torn.close()
    }
  }))

/** A file system of its own of 4 MiB; undefined where mounting isn't allowed. */
async function smallDisk(directory: string): Promise<AsyncDisposable | undefined> {
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', directory])
  } catch {
    return undefined
  }
  return {
    async [Symbol.asyncDispose]() {
      await run('umount', [directory])
    },
  }
}

/** State that is larger than what the relay can take: what was acknowledged is restored, and nothing of it is wrong. */
async function overflow(fleet: Fleet): Promise<void> {
  const source = await fleet.directory('source')
  const target = join(fleet.folder, 'target')
  makeTree(source, seeded(54), { files: 20, large: [900_000, 900_000, 3_000_000, 3_000_000] })
  const sent = await fleet.send(source, ['--deadline', '10s']).end()
  assert.is(sent.code, 3, `${JSON.stringify(sent.result)} ${sent.stderr}`)
  assert.is(sent.result['outcome'], 'partial')
  assert.is(fleet.relay!.child.exitCode, null, 'the relay goes on')
  const received = await fleet.receive(target).end()
  assert.is(received.code, 3, `${JSON.stringify(received.result)} ${received.stderr}`)
  assert.equal(treeDifferences(source, target, { partial: true }), [])
}

test("a relay's quota cuts a handoff: what was acknowledged restores, the sender says that it was not all", async () => {
  await using fleet = await Fleet.start({ relay: 'quota: { total: 2MB }' })
  await overflow(fleet)
})

test('a full disk at the relay cuts a handoff: what was acknowledged restores, and the relay goes on', async () => {
  let mounted = false
  const nothing = { async [Symbol.asyncDispose]() {} }
  const prepareStore = async (directory: string) => {
    const disk = await smallDisk(directory)
    mounted = disk !== undefined
    return disk ?? nothing
  }
  await using fleet = await Fleet.start({ prepareStore })
  // Where this user may not mount, the test of the quota has covered the same refusal; here the relay then simply takes all.
  if (mounted) await overflow(fleet)
  else assert.is(fleet.relay!.child.exitCode, null)
})

test.run()
