// Many enrolled peers in one process. Some hand off at once when they are told to (SIGUSR2), as many others inherit at once when they are told
// again. What each has moved is told ten times a second, in lines of JSON.

import process from 'node:process'
import { onInterrupt, runAsProcess } from '../../src/cli/entry.ts'
import type { Terminal } from '../../src/cli/output.ts'
import { readKeyFile } from '../../src/cli/secret-file.ts'
import { HeirloomError } from '../../src/errors.ts'
import type { PoolSecret } from '../../src/seal/pool-key.ts'
import { createMemorySource, randomBodies } from '../bench/memory-state.ts'
import { MemoryPeer } from './memory-peer.ts'

export interface LoadEnd {
  readonly relay: string
  readonly keyFile: string
  readonly peers: number
  /** Of them so many hand off, and as many others inherit. */
  readonly handoffs: number
  readonly mebibytes: number
  /** Where journals go. */
  readonly folder: string
}

/** How many peers enrol at a time. */
const enrolAtATime = 8

const tellMs = 100

type Tell = (event: string, fields?: object) => void

async function run(options: LoadEnd, tell: Tell, signal: AbortSignal): Promise<void> {
  const { keyFile, handoffs, mebibytes, folder } = options
  const key = await readKeyFile(keyFile)
  if (key.kind !== 'secret') throw new HeirloomError('config', 'the load needs the pool secret')
  const rounds = commands(signal)
  await using peers = await enrol(options, key.pool, signal)
  tell('enrolled', { peers: peers.all.length })
  await rounds.next()
  const bodies = randomBodies()
  await moving(tell, 'sent', peers.all.slice(0, handoffs), (peer) => peer.handOff(createMemorySource(mebibytes, bodies)))
  await rounds.next()
  await moving(tell, 'taken', peers.all.slice(handoffs, 2 * handoffs), (peer) => peer.inherit(folder, signal))
  await rounds.next()
}

async function enrol(
  { relay, peers }: LoadEnd,
  pool: PoolSecret,
  signal: AbortSignal,
): Promise<AsyncDisposable & { readonly all: MemoryPeer[] }> {
  const stack = new AsyncDisposableStack()
  const all: MemoryPeer[] = []
  for (let first = 0; first < peers; first += enrolAtATime) {
    const count = Math.min(enrolAtATime, peers - first)
    const batch = await Promise.all(Array.from({ length: count }, () => MemoryPeer.open(pool, relay, signal)))
    for (const peer of batch) all.push(stack.use(peer))
  }
  return { all, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** `next` resolves once for every SIGUSR2 from now on; throws the signal's reason. */
function commands(signal: AbortSignal): { next(): Promise<void> } {
  let count = 0
  let taken = 0
  let wake = () => {}
  process.on('SIGUSR2', () => {
    count++
    wake()
  })
  signal.addEventListener('abort', () => wake(), { once: true })
  return {
    async next() {
      taken++
      while (count < taken && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve))
      signal.throwIfAborted()
    },
  }
}

/** All peers at once; tells what each has moved while it lasts, and how each ended. */
async function moving(tell: Tell, event: string, peers: readonly MemoryPeer[], work: (peer: MemoryPeer) => Promise<string>): Promise<void> {
  const telling = setInterval(() => tell('moved', { bytes: peers.map(({ movedBytes }) => movedBytes) }), tellMs)
  try {
    const outcomes = await Promise.all(peers.map((peer) => work(peer)))
    tell(event, {
      outcomes: Object.fromEntries(
        Map.groupBy(outcomes, (each) => each)
          .entries()
          .map(([each, same]) => [each, same.length]),
      ),
    })
  } finally {
    clearInterval(telling)
  }
}

async function end([argument = '']: readonly string[], { stdout, stderr }: Terminal): Promise<number> {
  using interrupt = onInterrupt()
  const tell: Tell = (event, fields) => void stdout.write(`${JSON.stringify({ event, ...fields })}\n`)
  try {
    await run(JSON.parse(argument) as LoadEnd, tell, interrupt.signal)
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
