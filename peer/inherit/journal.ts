// What a successor has restored, on its own disk, so that its process may die and go on without anything being sent twice.
//
// A log of JSON lines: the first says which handoff, each other one is a pack that is restored (or waits, sealed, for its barrier) with
// the heads of fragments that belong to something unfinished; the last one may say how it ended. A torn last line is dropped. Lines are written before the
// acknowledgement and not fsynced: a journal outlives the process, and is void after a reboot of the machine (the boot id says so), since
// then restored files may be torn as well.

import { join } from 'node:path'
import type { Reference } from '../../src/chunk/reference.ts'
import { asHeirloomError, assert } from '../../src/errors.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import type { HandoffResult } from '../result.ts'
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
  /** Chunks in pieces that are whole with this pack: source, id and bytes of each. */
  readonly ended?: readonly (readonly [number, string, number])[]
  readonly sources?: readonly object[]
  readonly superseded?: readonly number[]
  readonly references?: readonly Reference[]
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

/** How an inheritance ended, for an heir that is given it again because the relay has not heard of it. */
export interface Settled {
  readonly result: HandoffResult
  readonly receipt: string
}

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
  const parsed = texts.map(parseLine)
  const head = parsed[0] as (JournalHead & { boot: string }) | undefined
  if (head === undefined || head.boot !== files.bootId() || typeof head.handoff !== 'string') return undefined
  const torn = parsed.indexOf(undefined)
  const lines = parsed.slice(1, torn < 0 ? undefined : torn) as (JournalEntry | { settled: Settled })[]
  const last = lines.at(-1)
  return { head, entries: lines.filter((line) => 'pack' in line), settled: last && 'settled' in last ? last.settled : undefined }
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

  /** What was noted of these packs. It reads the journal, so it is for what happens seldom. */
  entriesOf(packs: PackSet): JournalEntry[] {
    return (recallJournal(this.#directory, this.#files)?.entries ?? []).filter(({ pack }) => packs.has(pack))
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
