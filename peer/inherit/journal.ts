// What a successor has restored, on its own disk, so that its process may die and go on without anything being sent twice.
//
// A log of JSON lines: the first says which handoff, each other one is a pack that is restored (or waits, sealed, for its barrier) with
// the heads of fragments that belong to something unfinished. A torn last line is dropped. Lines are written before the
// acknowledgement and not fsynced: a journal outlives the process, and is void after a reboot of the machine (the boot id says so), since
// then restored files may be torn as well.

import { join } from 'node:path'
import { asHeirloomError, assert } from '../../src/errors.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { systemJournalFiles, type JournalFiles, type JournalLog } from './journal-files.ts'

export interface JournalHead {
  /** 32 hexadecimal digits. */
  readonly handoff: string
  readonly epoch: number
  /** The claiming peer's identity seed in base64: who goes on must be the same peer. */
  readonly seed: string
}

/** One restored pack. Keys are short: there is one for every pack. */
export interface JournalEntry {
  readonly pack: number
  readonly chunks: number
  readonly bytes: number
  /** By source index: the weight of what was completed. */
  readonly weights?: Readonly<Record<string, number>>
  readonly unfinished?: readonly JournalFragment[]
  readonly sources?: readonly object[]
  readonly superseded?: readonly number[]
  readonly receipt?: { readonly content: string; readonly signature: string }
}

export interface JournalFragment {
  readonly source: number
  readonly id: string
  readonly metadata: boolean
  readonly offset: number
  readonly length: number
  readonly chunkBytes: number
  readonly version: string
  readonly expiresAtMs: number
  readonly attributes: string
}

export interface Recalled {
  readonly head: JournalHead
  readonly entries: readonly JournalEntry[]
}

const fileName = 'journal.jsonl'

/** What a journal in this directory says, or undefined when there is none, or none that can be trusted. */
export function recallJournal(directory: string, files: JournalFiles = systemJournalFiles): Recalled | undefined {
  let lines: string[]
  try {
    lines = new TextDecoder().decode(files.read(join(directory, fileName))).split('\n')
  } catch {
    return undefined
  }
  lines.pop()
  const parsed = lines.map(parseLine)
  const head = parsed[0] as (JournalHead & { boot: string }) | undefined
  if (head === undefined || head.boot !== files.bootId() || typeof head.handoff !== 'string') return undefined
  const torn = parsed.indexOf(undefined)
  return { head, entries: parsed.slice(1, torn < 0 ? undefined : torn) as JournalEntry[] }
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
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
    assert(this.#log !== undefined, 'the journal is open')
    try {
      this.#log.append(Buffer.from(`${JSON.stringify(entry)}\n`))
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
