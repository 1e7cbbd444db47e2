// How much memory relay, predecessor and successor take at most while a large directory goes from disk to disk.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Child } from '../demo/child.ts'
import type { Plan } from './plan.ts'
import { row, type Row } from './series.ts'
import { Stage } from './stage.ts'
import { writeTree } from './tree.ts'
import { mebibyte } from './memory-state.ts'

const fileMebibytes = 64
const relayTarget = { most: 200 }
const peerTarget = { most: 250 }

/** A process's highest resident memory is read this often: the last reading before its end counts. */
const pollMs = 50

export async function measureMemory(plan: Plan): Promise<Row[]> {
  const rows: Row[] = []
  for (const lane of ['stream', 'fast', 'store'] as const) {
    await using stage = await Stage.open(plan.folder, plan.signal)
    const from = join(stage.folder, 'from')
    await writeTree({ path: from, files: plan.memoryMebibytes / fileMebibytes, bytesOf: () => fileMebibytes * mebibyte })
    const { relay, send, receive } = await peaks(stage, from, lane)
    const what = `peak memory, ${plan.memoryMebibytes / 1024} GiB by ${lane}`
    rows.push(
      row(`${what}: relay`, 'MB', [relay], { target: relayTarget }),
      row(`${what}: predecessor`, 'MB', [send], { target: peerTarget }),
      row(`${what}: successor`, 'MB', [receive], { target: peerTarget }),
    )
    plan.note(`memory: ${lane}`)
  }
  return rows
}

/** MB each. By a direct lane the successor waits before the predecessor starts; over the store it comes when that has gone. */
async function peaks(
  stage: Stage,
  from: string,
  lane: 'stream' | 'fast' | 'store',
): Promise<{ relay: number; send: number; receive: number }> {
  using relay = new PeakMemory(stage.relay.child)
  const to = join(stage.folder, 'to')
  const waits = lane !== 'store'
  const early = waits ? stage.oneShot('receive', to, lane) : undefined
  using earlyPeak = early && new PeakMemory(early)
  if (waits) await stage.waiting(1)
  const sender = stage.oneShot('send', from, lane)
  using send = new PeakMemory(sender)
  await stage.expectEnd(sender)
  const receiver = early ?? stage.oneShot('receive', to, lane)
  using latePeak = early ? undefined : new PeakMemory(receiver)
  await stage.expectEnd(receiver)
  const receive = earlyPeak ?? latePeak!
  return { relay: relay.megabytes, send: send.megabytes, receive: receive.megabytes }
}

/** The highest resident memory of a process (VmHWM, proc(5)), as long as it is there. 0 where the system doesn't tell. */
class PeakMemory implements Disposable {
  megabytes = 0
  readonly #timer: NodeJS.Timeout
  readonly #file: string

  constructor({ pid }: Child) {
    this.#file = `/proc/${pid}/status`
    this.#timer = setInterval(() => void this.#read(), pollMs)
  }

  async #read(): Promise<void> {
    const status = await readFile(this.#file, 'utf8').catch(() => '')
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? []
    if (kibibytes !== undefined) this.megabytes = Math.max(this.megabytes, (Number(kibibytes) * 1024) / 1e6)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}
