// What a test process tells the runner while it runs: JSON lines on a pipe of its own, written synchronously, so that the
// last line is there even when the process hangs or is killed right after it.

import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** The file descriptor of the pipe: the first after the three standard ones. */
export const progressFd = 3

type ProgressLine =
  | { readonly started: string }
  | { readonly ended: EndedTest }
  /** The suites declared tests and were never run. */
  | { readonly neverRun: readonly string[] }
  /** All suites are over, but these kinds of handles keep the process alive. */
  | { readonly open: readonly string[] }

export interface EndedTest {
  readonly name: string
  readonly passed: boolean
  readonly elapsedMs: number
}

export function tell(line: ProgressLine): void {
  writeSync(progressFd, `${JSON.stringify(line)}\n`)
}

/** The runner's end of the pipe: what is known of the test process so far. */
export class Progress {
  readonly ended: EndedTest[] = []
  readonly running = new Set<string>()
  neverRun: readonly string[] = []

  /** `onOpen` is called when handles are left open. */
  constructor(pipe: NodeJS.ReadableStream, onOpen: (kinds: readonly string[]) => void) {
    createInterface({ input: pipe }).on('line', (text) => {
      const line = JSON.parse(text) as ProgressLine
      if ('started' in line) this.running.add(line.started)
      else if ('ended' in line) this.#end(line.ended)
      else if ('neverRun' in line) this.neverRun = line.neverRun
      else onOpen(line.open)
    })
  }

  /** Which tests run now, as the end of a sentence. */
  get where(): string {
    return this.running.size > 0 ? `, in "${[...this.running].join('", "')}"` : ''
  }

  #end(test: EndedTest): void {
    this.running.delete(test.name)
    this.ended.push(test)
  }
}
