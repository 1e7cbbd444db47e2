// A handoff's record as JSON text that an operator can read: byte strings are base64, absent values are left out. Invariant: what decode
// returns has every field in its type and bounds, whatever the text.

import { z } from 'zod'
import { handoffHeaderBytesMax, packsMax } from '../../src/limits/wire.ts'
import type { Wish } from '../../src/plan/rank-successors.ts'
import { factsTextMax } from '../../src/limits/relay.ts'
import { isHandoffId, isPoolId } from './handoff-key.ts'
import type { HandoffRecord } from './store.ts'

const wholeNumber = z.number().int().nonnegative()

const name = z.string().max(factsTextMax).optional()
const amount = z.number().nonnegative().optional()

const wishSchema = z.object({
  zone: name,
  network: name,
  bytes: amount,
  worth: amount,
  part: name,
  prefers: z.object({ zone: amount, network: amount, load: amount, memory: amount, price: amount, part: amount }).optional(),
})

const recordSchema = z.object({
  format: z.literal(1),
  pool: z.string().refine(isPoolId),
  handoff: z.string().refine(isHandoffId),
  predecessor: z.string().max(256),
  heir: z.string().max(256).optional(),
  epoch: wholeNumber,
  assignedBy: z.string().max(256).optional(),
  packs: wholeNumber.max(packsMax).optional(),
  finished: z.boolean(),
  offeredAtMs: z.number(),
  expiresAtMs: z.number(),
  ahead: z.object({ standing: z.boolean(), since: wholeNumber.max(packsMax), asOfMs: z.number() }).optional(),
  wish: wishSchema.optional(),
  header: z.base64().max(Math.ceil(handoffHeaderBytesMax / 3) * 4),
})

export function encodeRecord({ key, header, ...rest }: HandoffRecord): string {
  const fields = { format: 1, ...key, ...rest, header: Buffer.from(header).toString('base64') }
  return `${JSON.stringify(fields, undefined, 2)}\n`
}

/** The record, or undefined if the text isn't one. */
export function decodeRecord(text: string): HandoffRecord | undefined {
  const parsed = recordSchema.safeParse(parseJson(text))
  if (!parsed.success) return undefined
  const { format: _, pool, handoff, header, heir, packs, wish, assignedBy, ...rest } = parsed.data
  // What was said survives as it was: absent values are absent.
  return {
    ...rest,
    ...(assignedBy !== undefined && { assignedBy }),
    ...(wish && { wish: JSON.parse(JSON.stringify(wish)) as Wish }),
    key: { pool, handoff },
    heir,
    packs,
    header: new Uint8Array(Buffer.from(header, 'base64')),
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
