// Progress for a person who watches: one bar on stderr, and only when that is a terminal.

import { SingleBar } from 'cli-progress'
import { humanRate, humanSize } from '../units.ts'
import type { Output } from './output.ts'

interface BarState {
  readonly phase: string
  readonly bytesDone: number
  readonly bytesPlanned: number
  readonly chunksDone: number
  readonly chunksPlanned: number
  readonly lane: string | undefined
}

interface ProgressBar extends Disposable {
  update(state: BarState): void
}

/** A bar, or with --json, --quiet or without a terminal something that shows nothing. Dispose it before the result is printed. */
export function openProgressBar(output: Output, monotonicMs: () => number): ProgressBar {
  const { stderr } = output.terminal
  if (output.json || output.quiet || stderr.isTTY !== true) return { update() {}, [Symbol.dispose]() {} }
  let startedMs: number | undefined
  const bar = new SingleBar({
    stream: stderr,
    format: '{phase} {bar} {percentage}%  {done} of {planned}  {chunks} chunks  {speed}  {lane}',
    barsize: 24,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    clearOnComplete: true,
    fps: 10,
  })
  let shown = false
  return {
    update({ phase, bytesDone, bytesPlanned, chunksDone, chunksPlanned, lane }) {
      if (startedMs === undefined && bytesDone > 0) startedMs = monotonicMs()
      const seconds = startedMs === undefined ? 0 : (monotonicMs() - startedMs) / 1000
      const words = {
        phase: phase.padEnd(10),
        done: humanSize(bytesDone),
        planned: humanSize(bytesPlanned),
        chunks: `${chunksDone}/${chunksPlanned}`,
        speed: seconds > 0.2 ? humanRate(bytesDone / seconds) : '',
        lane: lane ?? '',
      }
      const total = Math.max(1, bytesPlanned)
      if (!shown) bar.start(total, Math.min(bytesDone, total), words)
      shown = true
      bar.setTotal(total)
      bar.update(Math.min(bytesDone, total), words)
    },
    [Symbol.dispose]() {
      if (shown) bar.stop()
      shown = false
    },
  }
}
