// A disk that fills up in the middle, the relay's or the heir's: a file system of a few MiB in memory. Needs the right to mount.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import * as assert from 'uvu/assert'
import { Fleet } from '../helpers/fleet.ts'
import { makeTree, treeDifferences } from '../helpers/tree.ts'
import { withFaultSeed } from './handoff-under-fault.ts'

const exec = promisify(execFile)

async function smallDisk(directory: string, bytes: number): Promise<AsyncDisposable> {
  try {
    await exec('mount', ['-t', 'tmpfs', '-o', `size=${Math.ceil(bytes / 1024)}k`, 'tmpfs', directory])
  } catch (thrown) {
    throw new Error(`this test mounts a small disk: run it as root (${String(thrown)})`, { cause: thrown })
  }
  return {
    async [Symbol.asyncDispose]() {
      await exec('umount', [directory])
    },
  }
}

/** What was acknowledged restores, nothing of it is wrong, and the sender says that it was not all. */
export function fullRelay(seed: number): Promise<void> {
  return withFaultSeed('a full disk at the relay', seed, async (random) => {
    const prepareStore = (directory: string) => smallDisk(directory, random.integer(1_500_000, 4_000_000))
    await using fleet = await Fleet.start({ prepareStore })
    const source = await fleet.directory('source')
    const target = join(fleet.folder, 'target')
    makeTree(source, () => random.next(), { files: 20, large: [3_000_000, 3_000_000] })
    const sent = await fleet.send(source, ['--deadline', '8s', '--lane', 'store']).end()
    assert.is(sent.code, 3, `${JSON.stringify(sent.result)} ${sent.stderr}`)
    assert.is(fleet.relay!.child.exitCode, null, 'the relay goes on')
    const received = await fleet.receive(target, ['--wait', '5s']).end()
    assert.ok(received.code === 3 || received.code === 4, `${JSON.stringify(received.result)} ${received.stderr}`)
    if (received.code === 3) assert.equal(treeDifferences(source, target, { partial: true }), [])
  })
}

/** An heir whose disk fills up gives the handoff back, and another one restores it whole. */
export function fullHeir(seed: number): Promise<void> {
  return withFaultSeed('a full disk at the heir', seed, async (random) => {
    await using fleet = await Fleet.start({ relay: 'lease: 1s' })
    const source = await fleet.directory('source')
    makeTree(source, () => random.next(), { files: 20, large: [3_000_000, 3_000_000] })
    const sent = await fleet.send(source, ['--deadline', '30s']).end()
    assert.is(sent.code, 0, sent.stderr)
    const small = await fleet.directory('small')
    {
      await using disk = await smallDisk(small, random.integer(1_000_000, 5_000_000))
      void disk
      const failed = await fleet.receive(small).end()
      assert.is(failed.code, 74, `${JSON.stringify(failed.result)} ${failed.stderr}`)
    }
    const target = join(fleet.folder, 'target')
    const received = await fleet.receive(target).end()
    assert.is(received.code, 0, `${JSON.stringify(received.result)} ${received.stderr}`)
    assert.equal(treeDifferences(source, target), [])
  })
}
