// An application that serves while its state is still coming: it asks for chunks ahead of their turn, and what it is told is held against what is
// in place.

import { delay } from '../../src/clock.ts'
import type { Demands } from '../../peer/inherit/demands.ts'
import type { HandoffTruth } from './handoff-truth.ts'
import type { Process } from './process.ts'
import type { RestoredState } from './restored-state.ts'

export interface DemanderOptions {
  readonly demands: Demands
  readonly truth: HandoffTruth
  readonly state: RestoredState
  readonly process: Process
  /** It asks so often, at least. */
  readonly everyMs: number
  readonly violation: (rule: string, detail: string) => void
  readonly log: (text: string) => void
  /** Ends it: the inheritance is over. */
  readonly signal: AbortSignal
}

/** An answer may come this long after its bound: what a timer and a turn take. */
const answerSlackMs = 150

/** Asks until the signal ends it. */
export async function demandChunks(options: DemanderOptions): Promise<void> {
  const { process, everyMs, signal } = options
  while (!signal.aborted) {
    await delay(process.clock, process.random.next() * everyMs, signal).catch(() => {})
    if (!signal.aborted && process.alive) await demandSome(options)
  }
}

async function demandSome({ demands, truth, state, process, violation, log, signal }: DemanderOptions): Promise<void> {
  const { random, clock } = process
  const { name, chunks } = truth.sources[random.integer(0, truth.sources.length - 1)]!
  const ids = Array.from({ length: random.integer(1, 3) }, () => chunks[random.integer(0, chunks.length)]?.id ?? 'nobody has it')
  const withinMs = random.next() * 4_000
  const [beganMs, stoppedBeforeMs] = [clock.monotonicMs(), process.stoppedMs]
  log(`somebody demands ${ids.join(' ')} of ${name}`)
  const { restored, absent, late } = await demands.ask(name, ids, withinMs, signal)
  if (!process.alive) return
  log(`of what was demanded ${restored.length} are restored, ${absent.length} won't come, ${late.length} are late`)
  const lateMs = clock.monotonicMs() - beganMs - withinMs - (process.stoppedMs - stoppedBeforeMs) * 1.01
  if (lateMs > answerSlackMs) violation('a demand is answered within its bound', `${Math.round(lateMs)} ms late`)
  const isWhole = (id: string) => state.complete.has(`${name} ${id}`)
  for (const id of restored) if (!isWhole(id)) violation('what is said to be restored is in place', `${name}: ${id}`)
  for (const id of absent) if (state.known.has(`${name} ${id}`)) violation('what is in place is said to be restored', `${name}: ${id}`)
}
