// What a successor has restored, on its own disk, so that its process may die and go on without anything being sent twice.
//
// A log of JSON lines: the first says which handoff, each other one is a pack that is restored (or waits, sealed, for its barrier) with
// the heads of fragments that belong to something unfinished; the last one may say how it ended. A torn last line is dropped. Lines are written before the
// acknowledgement and not fsynced: a journal outlives the process, and is void after a reboot of the machine (the boot id says so), since
// then restored files may be torn as well.

import { join } from 'node:path'
import { asHeirloomError, assert } from '../../src/errors.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { systemJournalFiles, type JournalFiles, type JournalLog } from './journal-files.ts'
import { parseEntry, parseHead, type JournalEntry, type JournalHead, type Settled } from './journal-lines.ts'

export interface Recalled {
  readonly head: JournalHead
  readonly entries: readonly JournalEntry[]
  readonly settled: Settled | undefined
}

const fileName = 'journal.jsonl'

/** What a journal in this directory says, or undefined when there is none, or none that can be trusted. */
export function recallJournal(directory: string, files: JournalFiles = systemJournalFiles): Recalled | undefined {
  let texts: string[]
  try {
    texts = new TextDecoder().decode(files.read(join(directory, fileName))).split('\n')
  } catch {
    return undefined
  }
  texts.pop()
  const [first = '', ...rest] = texts
  const head = parseHead(first)
  if (head === undefined || head.boot !== files.bootId()) return undefined
  // What follows a line that isn't one is not trusted either: its packs come again.
  const entries: JournalEntry[] = []
  let settled: Settled | undefined
  for (const line of rest) {
    const entry = parseEntry(line)
    if (entry === undefined) break
    settled = 'settled' in entry ? entry.settled : undefined
    if ('pack' in entry) entries.push(entry)
  }
  return { head, entries, settled }
}

export class Journal implements Disposable {
  readonly #directory: string
  readonly #files: JournalFiles
  #log: JournalLog | undefined

  private constructor(directory: string, files: JournalFiles, log: JournalLog) {
    this.#directory = directory
    this.#files = files
    this.#log = log
  }

  /** Begins a journal, or goes on with one that was recalled. Throws `io` or `no-space`. */
  static open(directory: string, head: JournalHead, recalled: Recalled | undefined, files: JournalFiles = systemJournalFiles): Journal {
    try {
      // What was held before a reboot may be torn as well.
      if (recalled === undefined) files.remove(join(directory, 'held'))
      files.makeFolder(join(directory, 'held'))
      const path = join(directory, fileName)
      const lines = [{ ...head, boot: files.bootId() }, ...(recalled?.entries ?? [])].map((line) => `${JSON.stringify(line)}\n`)
      files.write(path, Buffer.from(lines.join('')))
      return new Journal(directory, files, files.openLog(path))
    } catch (thrown) {
      throw asHeirloomError(thrown, 'io')
    }
  }

  /** Throws `no-space` with the torn line cut off again. */
  append(entry: JournalEntry): void {
    this.#write(entry)
  }

  /** Nothing is restored any more. A full disk keeps it from being written: then it is only not remembered. */
  settle(settled: Settled): void {
    try {
      this.#write({ settled })
    } catch (thrown) {
      if (asHeirloomError(thrown).code !== 'no-space') throw thrown
    }
  }

  #write(line: object): void {
    assert(this.#log !== undefined, 'the journal is open')
    try {
      this.#log.append(Buffer.from(`${JSON.stringify(line)}\n`))
    } catch (thrown) {
      throw asHeirloomError(thrown, 'io')
    }
  }

  /** Keeps a sealed pack that waits for its barrier. */
  hold(number: number, pieces: readonly Uint8Array[]): void {
    try {
      this.#files.write(this.#heldPath(number), Buffer.concat(pieces))
    } catch (thrown) {
      throw asHeirloomError(thrown, 'io')
    }
  }

  held(): PackSet {
    const names = this.#files.list(join(this.#directory, 'held')).filter((name) => /^\d+$/.test(name))
    return PackSet.of(names.map(Number))
  }

  readHeld(number: number): Uint8Array {
    return this.#files.read(this.#heldPath(number))
  }

  releaseHeld(number: number): void {
    this.#files.remove(this.#heldPath(number))
  }

  [Symbol.dispose](): void {
    this.#log?.close()
    this.#log = undefined
  }

  #heldPath(number: number): string {
    return join(this.#directory, 'held', String(number))
  }
}
