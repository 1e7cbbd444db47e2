// What the store on disk promises about a process that ends at any moment: every pack that was acknowledged is there, bit for bit.
// The moments are seeded.

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openDiskPackStore } from '../../relay/store/disk-pack-store.ts'
import { packContent } from '../helpers/pack-content.ts'
import { withSeed } from '../helpers/seed.ts'
import { makeTemp } from '../helpers/temp.ts'

const kills = 10
const key = { pool: 'a1'.repeat(32), handoff: 'b2'.repeat(16) }
const writer = join(import.meta.dirname, '../helpers/pack-writer.ts')
const test = suite('a store whose process was killed')

/** Runs a writer until it has acknowledged `count` packs, kills it, and answers all that it acknowledged up to its end. */
async function writeUntilKilled(directory: string, seed: number, count: number): Promise<number[]> {
  const child = spawn(process.execPath, [writer, directory, String(seed), key.pool, key.handoff], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const acknowledged: number[] = []
  for await (const line of createInterface(child.stdout)) {
    acknowledged.push(Number(line))
    if (acknowledged.length === count) child.kill('SIGKILL')
  }
  await ended
  assert.is(child.signalCode, 'SIGKILL')
  return acknowledged
}

test(`keeps every acknowledged pack through ${kills} kills`, () =>
  withSeed(async (random, seed) => {
    await using directory = await makeTemp()
    const acknowledged = new Set<number>()
    for (let kill = 0; kill < kills; kill++) {
      for (const number of await writeUntilKilled(directory.path, seed, random.integer(1, 120))) acknowledged.add(number)
      await using store = await openDiskPackStore(directory.path)
      const have = store.have(key)
      for (const number of acknowledged) assert.ok(have.has(number), `kill ${kill}: pack ${number} was acknowledged and is gone`)
      for (const number of have) {
        const isWhole = Buffer.from((await store.get(key, number))!).equals(packContent(seed, number))
        assert.ok(isWhole, `kill ${kill}: pack ${number} is not what was put`)
      }
      assert.is(store.damaged, 0)
    }
  }))

test.run()
