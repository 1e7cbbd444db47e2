// What a process takes of the machine, as the kernel tells it.

import { readdir, readFile } from 'node:fs/promises'

export interface Reading {
  readonly rssBytes: number
  readonly descriptors: number
}

export async function readProcess(pid: number): Promise<Reading> {
  const [status, descriptors] = await Promise.all([readFile(`/proc/${pid}/status`, 'utf8'), readdir(`/proc/${pid}/fd`)])
  return { rssBytes: Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024, descriptors: descriptors.length }
}

/** Reads again and again, and keeps the highest. */
export class ProcessWatch implements Disposable {
  readonly peak = { rssBytes: 0, descriptors: 0 }
  readonly #pid: number
  readonly #timer: NodeJS.Timeout

  constructor(pid: number, everyMs = 100) {
    this.#pid = pid
    this.#timer = setInterval(() => void this.#look(), everyMs)
  }

  async #look(): Promise<void> {
    try {
      const { rssBytes, descriptors } = await readProcess(this.#pid)
      this.peak.rssBytes = Math.max(this.peak.rssBytes, rssBytes)
      this.peak.descriptors = Math.max(this.peak.descriptors, descriptors)
    } catch {
      // It has ended.
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}
