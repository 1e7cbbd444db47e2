// Which part of a divided state a key belongs to (PROTOCOL.md, "Parts"): by rendezvous hashing over the parts' names, by a table of ranges, or as the
// program says that embeds the peer. Every key has exactly one part, and the same one at each predecessor that is configured alike.
//
// A key is hashed once, whatever the number of parts: its hash names one of 16384 slots, and the slots are given to the parts by their weights
// (Thaler and Ravishankar, 1998; slots in between as in Apache Ignite's affinity function). When a part is added, keys move to it alone.

import { hash } from 'node:crypto'
import type { Split } from '../../src/plan/policy-split.ts'
import type { KeyDivision } from '../source/keyed/key-parts.ts'
import { redisSlot } from '../../src/plan/redis-slot.ts'

const slots = 16_384

/** What a part is chosen by. */
export interface KeyInPart {
  readonly source: string
  /** As the source has it: a server's key, a path, an application's id. A string stands for its UTF-8 bytes. */
  readonly key: string | Uint8Array
  /** What it belongs together with, where the source says: of a server's key its hash tag. */
  readonly group?: string | Uint8Array | undefined
}

/** The part of a key as a program has it; what is none of the parts, or undefined, leaves it to the configuration. Should not throw. */
export type PartOf = (item: { readonly source: string; readonly key: string; readonly group: string | undefined }) => string | undefined

export interface Partition {
  readonly parts: readonly string[]
  partOf(item: KeyInPart): string
  /** A key's part is always the same: what a program says may be another the next time. */
  readonly isFixed: boolean
}

/** The same for one source, which may remember it: undefined where it may change. */
export function divisionOf({ name }: { readonly name: string }, partition: Partition | undefined): KeyDivision | undefined {
  if (partition?.isFixed !== true) return undefined
  return { parts: partition.parts, partOf: (key, group) => partition.partOf({ source: name, key, group }) }
}

/** `own` goes before what is configured. */
export function createPartition(split: Split, own?: PartOf): Partition {
  const { parts } = split
  const configured = split.ranges === undefined ? byRendezvous(split) : byRanges(split)
  if (own === undefined) return { parts, partOf: configured, isFixed: true }
  const names: ReadonlySet<string> = new Set(parts)
  return {
    parts,
    isFixed: false,
    partOf(item) {
      const { source, key, group } = item
      const named = own({ source, key: textOf(key), group: group && textOf(group) })
      return named !== undefined && names.has(named) ? named : configured(item)
    },
  }
}

function byRendezvous({ by, parts }: Split): Partition['partOf'] {
  const owners = ownersOfSlots(parts)
  return (item) => {
    const digest = hash('sha256', hashedOf(by, item), 'binary')
    return parts[owners[((digest.charCodeAt(0) << 8) | digest.charCodeAt(1)) % slots]!]!
  }
}

/** For each slot the part whose SHA-256 over a label, the slot and the part's name is highest. */
function ownersOfSlots(parts: readonly string[]): Uint8Array {
  const inputs = parts.map((part) => Buffer.concat([Buffer.from('heirloom/1 part\0'), Buffer.alloc(2), Buffer.from(part)]))
  const slotAt = 'heirloom/1 part\0'.length
  return Uint8Array.from({ length: slots }, (_, slot) => {
    let owner = 0
    let highest = ''
    for (const [index, input] of inputs.entries()) {
      input.writeUInt16BE(slot, slotAt)
      const weight = hash('sha256', input, 'binary')
      if (weight <= highest) continue
      highest = weight
      owner = index
    }
    return owner
  })
}

/** The first range whose bound is above. */
function byRanges({ by, ranges = [] }: Split): Partition['partOf'] {
  const bounds = ranges.map(({ below }) => (typeof below === 'string' ? Buffer.from(below) : below))
  return (item) => {
    const hashed = hashedOf(by, item)
    const place = by === 'redis-slot' ? redisSlot(bytesOf(hashed)) : bytesOf(hashed)
    let [low, high] = [0, bounds.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (isBelow(place, bounds[middle])) high = middle
      else low = middle + 1
    }
    return ranges[low]!.part
  }
}

function isBelow(place: Uint8Array | number, bound: Uint8Array | number | undefined): boolean {
  if (bound === undefined) return true
  return typeof place === 'number' ? place < Number(bound) : Buffer.compare(place, bound as Uint8Array) < 0
}

/** What has no group goes by itself. */
function hashedOf(by: Split['by'], { key, group }: KeyInPart): string | Uint8Array {
  return by === 'group' ? (group ?? key) : key
}

function textOf(text: string | Uint8Array): string {
  return typeof text === 'string' ? text : Buffer.from(text).toString()
}

function bytesOf(text: string | Uint8Array): Uint8Array {
  return typeof text === 'string' ? Buffer.from(text) : text
}
