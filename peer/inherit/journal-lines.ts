// The lines of a journal, as they are written and as they are read again: every field in its type and bounds, whatever has happened to the file.

import { z } from 'zod'
import { chunkBytesMax, packBytesMax, packsMax, sourcesMax } from '../../src/limits/wire.ts'
import type { Reference } from '../../src/chunk/reference.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import type { HandoffOutcome, HandoffResult } from '../result.ts'

const wholeNumber = z.number().int().nonnegative()
const source = wholeNumber.max(sourcesMax - 1)
const text = z.string()

const headSchema = z.object({
  /** 32 hexadecimal digits. */
  handoff: z.string().regex(/^[0-9a-f]{32}$/),
  epoch: wholeNumber,
  /** The claiming peer's identity seed in base64: who goes on must be the same peer. */
  seed: z.string().regex(/^[A-Za-z0-9+/]{43}=$/),
  /** Of the machine's boot in which it was begun. */
  boot: text,
})

const fragmentSchema = z
  .object({
    source,
    id: text,
    metadata: z.boolean(),
    offset: wholeNumber,
    length: wholeNumber.max(packBytesMax),
    chunkBytes: wholeNumber.max(chunkBytesMax),
    version: text,
    expiresAtMs: wholeNumber,
    readProbability: z.number().min(0),
    attributes: z.base64(),
  })
  .refine(({ offset, length, chunkBytes }) => offset + length <= chunkBytes)

const summarySchema = z.object({
  source,
  name: text,
  kind: text,
  chunks: wholeNumber,
  bytes: wholeNumber,
  readProbability: z.number().min(0),
})

const referenceSchema = z
  .object({
    source,
    id: text,
    origin: text,
    bytes: wholeNumber.max(chunkBytesMax).optional(),
    digest: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
    version: text,
    expiresAtMs: wholeNumber,
    readProbability: z.number().min(0),
  })
  // What isn't there is undefined, as in what was written.
  .transform((reference): Reference => ({ ...reference, bytes: reference.bytes, digest: reference.digest }))

/** One restored pack: its chunks that came into place with it. */
const entrySchema = z.object({
  pack: wholeNumber.max(packsMax - 1),
  chunks: wholeNumber,
  bytes: wholeNumber,
  /** By source index: the weight of them. */
  weights: z.record(z.string().regex(/^\d{1,3}$/), z.number().min(0)).optional(),
  unfinished: z.array(fragmentSchema).readonly().optional(),
  /** Which they are, for whether they were in place before. */
  keys: z.base64(),
  sources: z.array(summarySchema).readonly().optional(),
  superseded: z.array(wholeNumber).refine(isPackSet).readonly().optional(),
  references: z.array(referenceSchema).readonly().optional(),
  verdict: z
    .object({
      since: wholeNumber.max(packsMax - 1),
      whole: z.array(wholeNumber).refine(isPackSet).readonly(),
      partial: z.array(z.tuple([wholeNumber.max(packsMax - 1), z.array(wholeNumber).refine(isPackSet).readonly()])).readonly(),
    })
    .optional(),
  receipt: z.object({ content: z.base64(), signature: z.base64() }).optional(),
})

const outcomes: readonly HandoffOutcome[] = ['delivered', 'parked', 'partial', 'nothing', 'fenced']

const settledSchema = z.object({
  settled: z.object({
    // It is told as it was written; nothing is decided by it but the outcome.
    result: z.looseObject({ outcome: z.enum(outcomes) }).transform((result) => result as unknown as HandoffResult),
    receipt: text,
  }),
})

export type WrittenHead = Readonly<z.output<typeof headSchema>>
export type JournalHead = Omit<WrittenHead, 'boot'>
export type JournalEntry = Readonly<z.output<typeof entrySchema>>
export type JournalFragment = Readonly<z.output<typeof fragmentSchema>>

/** How an inheritance ended, for an heir that is given it again because the relay has not heard of it. */
export type Settled = Readonly<z.output<typeof settledSchema>['settled']>

export function parseHead(line: string): WrittenHead | undefined {
  return headSchema.safeParse(parseJson(line)).data
}

export function parseEntry(line: string): JournalEntry | { readonly settled: Settled } | undefined {
  const value = parseJson(line)
  return entrySchema.safeParse(value).data ?? settledSchema.safeParse(value).data
}

function isPackSet(runs: readonly number[]): boolean {
  try {
    PackSet.fromRuns(runs)
    return true
  } catch {
    return false
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
