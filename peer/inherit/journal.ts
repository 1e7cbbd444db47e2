// What a successor has restored, on its own disk, so that its process may die and go on without anything being sent twice.
//
// A log of JSON lines: the first says which handoff, each other one is a pack that is restored (or waits, sealed, for its barrier) with
// the heads of fragments that belong to something unfinished. A torn last line is dropped. Lines are written before the
// acknowledgement and not fsynced: a journal outlives the process, and is void after a reboot of the machine (the boot id says so), since
// then restored files may be torn as well.

import { closeSync, ftruncateSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { asHeirloomError } from '../../src/errors.ts'
import { PackSet } from '../../src/wire/pack-set.ts'

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

/** Changes with every boot; empty where the platform doesn't tell. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return ''
  }
}

/** What a journal in this directory says, or undefined when there is none, or none that can be trusted. */
export function recallJournal(directory: string): Recalled | undefined {
  let lines: string[]
  try {
    lines = readFileSync(join(directory, fileName), 'utf8').split('\n')
  } catch {
    return undefined
  }
  lines.pop()
  const parsed = lines.map(parseLine)
  const head = parsed[0] as (JournalHead & { boot: string }) | undefined
  if (head === undefined || head.boot !== bootId() || typeof head.handoff !== 'string') return undefined
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
  #file: number

  private constructor(directory: string, file: number) {
    this.#directory = directory
    this.#file = file
  }

  /** Begins a journal, or goes on with one that was recalled. Throws `io` or `no-space`. */
  static open(directory: string, head: JournalHead, recalled: Recalled | undefined): Journal {
    try {
      mkdirSync(join(directory, 'held'), { recursive: true, mode: 0o700 })
      const path = join(directory, fileName)
      const lines = [{ ...head, boot: bootId() }, ...(recalled?.entries ?? [])].map((line) => `${JSON.stringify(line)}\n`)
      writeFileSync(path, lines.join(''), { mode: 0o600 })
      return new Journal(directory, openSync(path, 'a'))
    } catch (thrown) {
      throw asHeirloomError(thrown, 'io')
    }
  }

  /** Throws `no-space` with the torn line cut off again. */
  append(entry: JournalEntry): void {
    const line = Buffer.from(`${JSON.stringify(entry)}\n`)
    let written = 0
    try {
      while (written < line.byteLength) written += writeSync(this.#file, line, written)
    } catch (thrown) {
      if (written > 0) ftruncateSync(this.#file, readFileSync(join(this.#directory, fileName)).byteLength - written)
      throw asHeirloomError(thrown, 'io')
    }
  }

  /** Keeps a sealed pack that waits for its barrier. */
  hold(number: number, pieces: readonly Uint8Array[]): void {
    try {
      writeFileSync(this.#heldPath(number), Buffer.concat(pieces), { mode: 0o600 })
    } catch (thrown) {
      throw asHeirloomError(thrown, 'io')
    }
  }

  held(): PackSet {
    const names = readdirSync(join(this.#directory, 'held')).filter((name) => /^\d+$/.test(name))
    return PackSet.of(names.map(Number))
  }

  readHeld(number: number): Uint8Array {
    return readFileSync(this.#heldPath(number))
  }

  releaseHeld(number: number): void {
    rmSync(this.#heldPath(number), { force: true })
  }

  [Symbol.dispose](): void {
    if (this.#file < 0) return
    closeSync(this.#file)
    this.#file = -1
  }

  #heldPath(number: number): string {
    return join(this.#directory, 'held', String(number))
  }
}
