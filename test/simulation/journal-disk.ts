// The files of a simulated successor's machine. They outlive its processes; a reboot gives the machine another boot id, and tears them.
// A process may be killed in the middle of any call.

import type { JournalFiles } from '../../peer/inherit/journal-files.ts'
import type { SeededRandom } from '../helpers/seed.ts'
import { Killed, type Process } from './process.ts'

export class JournalDisk {
  readonly #random: SeededRandom
  readonly #files = new Map<string, Buffer>()
  /** What a reboot leaves as it is. */
  readonly #durable = new Set<string>()
  #boot = 1
  capacityBytes = Infinity
  /** Probability that a write fails. */
  failure = 0
  /** Kills the process in the middle of the call after so many. */
  killAfterCalls: number | undefined
  hasKilled = false

  constructor(random: SeededRandom) {
    this.#random = random
  }

  get usedBytes(): number {
    return this.#files.values().reduce((sum, { length }) => sum + length, 0)
  }

  reboot(): void {
    this.#boot++
    for (const [path, content] of this.#files) {
      if (this.#durable.has(path)) continue
      const luck = this.#random.next()
      if (luck < 0.3) this.#files.delete(path)
      else if (luck < 0.6) this.#files.set(path, content.subarray(0, this.#random.integer(0, content.length)))
    }
  }

  has(path: string): boolean {
    return this.#files.has(path)
  }

  /** As a process sees the files that nobody kills. */
  view(): JournalFiles {
    return this.#mount(() => {})
  }

  mount(process: Process): JournalFiles {
    return this.#mount((half) => {
      process.assertAlive()
      if (this.killAfterCalls === undefined || this.killAfterCalls-- > 0) return
      this.killAfterCalls = undefined
      half?.()
      this.hasKilled = true
      process.kill()
      this.hasKilled = false
      throw new Killed()
    })
  }

  #mount(enter: (half?: () => void) => void): JournalFiles {
    const durable = this.#durable
    const put = (path: string, content: Buffer) => {
      if (this.failure > 0 && this.#random.next() < this.failure) throw Object.assign(new Error('injected EIO'), { code: 'EIO' })
      const grows = content.length - (this.#files.get(path)?.length ?? 0)
      if (grows > 0 && this.usedBytes + grows > this.capacityBytes) throw Object.assign(new Error('injected ENOSPC'), { code: 'ENOSPC' })
      this.#files.set(path, content)
    }
    const write = (path: string, bytes: Uint8Array) => {
      enter(() => put(`${path}.new`, half(bytes)))
      put(path, Buffer.from(bytes))
    }
    const half = (bytes: Uint8Array) => Buffer.from(bytes.subarray(0, this.#random.integer(0, bytes.length)))
    return {
      bootId: () => String(this.#boot),
      makeFolder: () => enter(),
      list: (path) => {
        enter()
        const inside = `${path}/`
        return [...this.#files.keys()].filter((each) => each.startsWith(inside)).map((each) => each.slice(inside.length))
      },
      read: (path) => {
        enter()
        const content = this.#files.get(path)
        if (content === undefined) throw Object.assign(new Error('injected ENOENT'), { code: 'ENOENT' })
        return content
      },
      write,
      keep(path, bytes) {
        write(path, bytes)
        durable.add(path)
      },
      remove: (path) => {
        enter()
        for (const each of this.#files.keys()) if (each === path || each.startsWith(`${path}/`)) this.#files.delete(each)
      },
      openLog: (path) => {
        enter()
        return {
          append: (bytes) => {
            enter(() => put(path, Buffer.concat([this.#files.get(path) ?? Buffer.alloc(0), half(bytes)])))
            put(path, Buffer.concat([this.#files.get(path) ?? Buffer.alloc(0), bytes]))
          },
          close: () => {},
        }
      },
    }
  }
}
