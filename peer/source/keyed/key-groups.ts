// The chunks of a key-value server's inventory, and which keys each of them is.

import type { Chunk } from '../../../src/chunk/chunk.ts'
import type { Deadline } from '../../../src/deadline.ts'
import type { Order } from '../../../src/plan/manifest.ts'
import { rankRows } from '../../../src/plan/rank-rows.ts'
import { groupRows } from './group-rows.ts'
import { groupId, keyId } from './key-id.ts'
import { rowsByPart, type KeyDivision } from './key-parts.ts'
import type { KeyTable } from './key-table.ts'

/** Told at a time. */
const batchChunks = 512

export interface KeyGroup {
  readonly database: number
  readonly table: KeyTable
  readonly rows: readonly number[]
}

export interface GroupOptions {
  readonly database: number
  readonly table: KeyTable
  readonly rows: Uint32Array
  /** How likely a key is to be read soon, up to a factor. */
  readonly weightOf: (row: number) => number
  /** Of a divided state: a chunk's keys are all of one part. */
  readonly division?: KeyDivision | undefined
}

export class KeyGroups {
  readonly #order: Order
  readonly #aloneMax: number | undefined
  readonly #groups = new Map<string, Omit<KeyGroup, 'rows'> & { readonly rows: Uint32Array }>()
  readonly #unread = new Set<string>()
  #number = 0
  #whenRead: (() => void) | undefined

  constructor({ order = 'forecast', aloneMax }: { readonly order?: Order | undefined; readonly aloneMax?: number | undefined }) {
    this.#order = order
    this.#aloneMax = aloneMax
  }

  /** Puts these keys into order and groups; yields their chunks, the first before all are made. */
  *group(options: GroupOptions): Generator<Chunk[]> {
    const { table, rows, division } = options
    if (division === undefined) return yield* this.#group(options)
    const divided = [...rowsByPart(table, rows, division)]
    // In turn, so that no part waits for another's last.
    let making = divided.map(([part, own]) => this.#group({ ...options, rows: own }, part))
    while (making.length > 0) {
      const made = making.map((each) => ({ each, batch: each.next() }))
      for (const { batch } of made) if (batch.done !== true) yield batch.value
      making = made.flatMap(({ each, batch }) => (batch.done === true ? [] : [each]))
    }
  }

  *#group({ database, table, rows, weightOf }: GroupOptions, part?: string): Generator<Chunk[]> {
    const ofPart = part === undefined ? {} : { part }
    const values = this.#rank(table, rows, weightOf)
    const bytesOf = (row: number) => table.bytes[row]!
    let batch: Chunk[] = []
    for (const ofGroup of groupRows({ rows, bytesOf, valueOf: (row) => values?.[row] ?? 1, aloneMax: this.#aloneMax })) {
      const id = ofGroup.length === 1 ? keyId(database, table.name(ofGroup[0]!)) : groupId(database, this.#number++)
      this.#groups.set(id, { database, table, rows: ofGroup })
      this.#unread.add(id)
      batch.push({ id, kind: 'data', bytes: sumOf(ofGroup, bytesOf), readProbability: sumOf(ofGroup, weightOf), ...ofPart })
      if (batch.length < batchChunks) continue
      yield batch
      batch = []
    }
    if (batch.length > 0) yield batch
  }

  of(id: string): KeyGroup | undefined {
    const group = this.#groups.get(id)
    return group && { ...group, rows: Array.from(group.rows) }
  }

  /** What was told and not read yet. */
  get unread(): number {
    return this.#unread.size
  }

  wasRead(id: string): void {
    this.#unread.delete(id)
    if (this.#unread.size === 0) this.#whenRead?.()
  }

  /** Resolves when everything was read that is known so far, or at the deadline. Throws the signal's reason. */
  async allRead(deadline: Deadline, outer: AbortSignal): Promise<void> {
    using ending = deadline.signal(outer)
    await new Promise<void>((resolve) => {
      if (this.#unread.size === 0 || ending.signal.aborted) resolve()
      this.#whenRead = resolve
      ending.signal.addEventListener('abort', () => resolve(), { once: true })
    })
    this.#whenRead = undefined
    outer.throwIfAborted()
  }

  /** Sorts the rows; answers their values where the order is one of value. */
  #rank(table: KeyTable, rows: Uint32Array, weightOf: (row: number) => number): Float32Array | undefined {
    if (this.#order === 'key') {
      rows.sort((a, b) => Buffer.compare(table.name(a), table.name(b)))
      return undefined
    }
    const values = new Float32Array(table.rows)
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index]!
      values[row] = this.#valueOf(table.bytes[row]!, weightOf(row))
    }
    rankRows(rows, values, undefined)
    return this.#order === 'size' ? undefined : values
  }

  #valueOf(bytes: number, weight: number): number {
    if (this.#order === 'size') return 1 / (1 + bytes)
    return this.#order === 'forecast' ? weight / Math.max(1, bytes) : weight
  }
}

/** Iterators would make an object for each of millions of rows. */
function sumOf(rows: Uint32Array, of: (row: number) => number): number {
  let sum = 0
  for (let index = 0; index < rows.length; index++) sum += of(rows[index]!)
  return sum
}
