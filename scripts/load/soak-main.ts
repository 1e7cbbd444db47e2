// Peers that come, hand off, inherit and go, for as long as it is told: what a relay sees of a fleet in a day, in minutes. Tells how many handoffs
// there were, once a second, in lines of JSON.

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { onInterrupt, runAsProcess } from '../../src/cli/entry.ts'
import type { Terminal } from '../../src/cli/output.ts'
import { readKeyFile } from '../../src/cli/secret-file.ts'
import { HeirloomError } from '../../src/errors.ts'
import { createMemorySource, randomBodies } from '../bench/memory-state.ts'
import { MemoryPeer } from './memory-peer.ts'

export interface SoakEnd {
  readonly relay: string
  readonly keyFile: string
  readonly folder: string
  /** Handoffs at a time. */
  readonly pairs: number
  readonly mebibytes: number
  readonly seconds: number
}

async function run({ relay, keyFile, folder, pairs, mebibytes, seconds }: SoakEnd, tell: (fields: object) => void, signal: AbortSignal) {
  const key = await readKeyFile(keyFile)
  if (key.kind !== 'secret') throw new HeirloomError('config', 'the soak needs the pool secret')
  const { pool } = key
  const bodies = randomBodies()
  const endMs = performance.now() + seconds * 1000
  let handoffs = 0
  let failures = 0
  const telling = setInterval(() => tell({ event: 'soaked', handoffs, failures }), 1000)
  const failed = (who: string, outcome: string) => {
    failures++
    tell({ event: 'failed', who, outcome })
  }
  const pair = async (index: number) => {
    const place = join(folder, `heir ${index}`)
    while (performance.now() < endMs && !signal.aborted) {
      {
        await using predecessor = await MemoryPeer.open(pool, relay, signal)
        const outcome = await predecessor.handOff(createMemorySource(mebibytes, bodies))
        if (outcome !== 'parked') failed('predecessor', outcome)
      }
      await using heir = await MemoryPeer.open(pool, relay, signal)
      const outcome = await heir.inherit(place, signal)
      if (outcome === 'delivered') handoffs++
      else failed('heir', outcome)
      await rm(place, { recursive: true, force: true })
    }
  }
  await Promise.all(Array.from({ length: pairs }, (_, index) => pair(index)))
  clearInterval(telling)
  tell({ event: 'end', handoffs, failures })
}

async function end([argument = '']: readonly string[], { stdout, stderr }: Terminal): Promise<number> {
  using interrupt = onInterrupt()
  try {
    await run(JSON.parse(argument) as SoakEnd, (fields) => void stdout.write(`${JSON.stringify(fields)}\n`), interrupt.signal)
    return 0
  } catch (thrown) {
    stderr.write(`${thrown instanceof Error ? thrown.stack : String(thrown)}\n`)
    return new HeirloomError('internal', '').exitCode
  }
}

export function main(): Promise<never> {
  return runAsProcess(end)
}

if (import.meta.main) await main()
