// A process that puts packs as fast as it can until it is killed, and prints each number when it is acknowledged.
// Arguments: directory, seed, pool, handoff.

import { writeSync } from 'node:fs'
import { openDiskPackStore } from '../../relay/store/disk-pack-store.ts'
import { packContent } from './pack-content.ts'

const [directory, seed, pool, handoff] = process.argv.slice(2) as [string, string, string, string]
const key = { pool, handoff }
const store = await openDiskPackStore(directory, { segmentBytes: 2_000_000 })
let next = store.have(key).firstMissing()

async function putOn(): Promise<never> {
  for (;;) {
    const number = next++
    const pack = packContent(Number(seed), number)
    await store.put(key, number, [pack.subarray(0, pack.length >> 1), pack.subarray(pack.length >> 1)])
    writeSync(1, `${number}\n`)
  }
}

await Promise.all(Array.from({ length: 16 }, putOn))
