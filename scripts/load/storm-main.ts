// One predecessor that has a few seconds: it enrols, hands off when it is told to (SIGUSR2), and tells its receipt, in lines of JSON.

import { once } from 'node:events'
import process from 'node:process'
import { onInterrupt, runAsProcess } from '../../src/cli/entry.ts'
import type { Terminal } from '../../src/cli/output.ts'
import { readKeyFile } from '../../src/cli/secret-file.ts'
import { HeirloomError } from '../../src/errors.ts'
import { MemoryPeer } from './memory-peer.ts'
import { stormSources } from './storm-state.ts'

export interface StormEnd {
  readonly relay: string
  readonly keyFile: string
  readonly deadlineMs: number
  readonly metadataBytes: number
  readonly dataBytes: number
}

async function end([argument = '']: readonly string[], { stdout }: Terminal): Promise<number> {
  using interrupt = onInterrupt()
  const { signal } = interrupt
  const { relay, keyFile, deadlineMs, ...sizes } = JSON.parse(argument) as StormEnd
  const key = await readKeyFile(keyFile)
  if (key.kind !== 'secret') throw new HeirloomError('config', 'the storm needs the pool secret')
  const tell = (event: string, fields: object = {}) => void stdout.write(`${JSON.stringify({ event, ...fields })}\n`)
  const told = once(process, 'SIGUSR2', { signal })
  await using peer = await MemoryPeer.open(key.pool, relay, signal)
  const sources = stormSources(sizes)
  tell('enrolled')
  await told
  const startMs = performance.now()
  const { receipt } = await peer.handOffWithin(deadlineMs, sources)
  tell('gone', { tookMs: Math.round(performance.now() - startMs), receipt: JSON.parse(receipt) as object })
  return 0
}

export function main(): Promise<never> {
  return runAsProcess(end)
}

if (import.meta.main) await main()
