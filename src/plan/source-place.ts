// What entries of the manifest have in common, whatever kind of source they are: the name, and the place among the others.

import * as z from 'zod'
import { size, strict } from '../config/values.ts'

/** By what the chunks of a source are ordered. `app` keeps the order in which the application lists them. */
export const orders = ['forecast', 'app', 'recency', 'frequency', 'size', 'key'] as const
export type Order = (typeof orders)[number]

export const sourceName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, { error: 'a name has 1 to 64 letters, digits, dots, dashes and underscores' })
  .describe('What the source is called in receipts, metrics and demands; the successor needs one of the same name.')

export const divide = strict({
  by: z
    .enum(['application', 'probability', 'content'])
    .describe('Who draws the borders: the application itself, the expected reads, or the content.'),
  target: size({ min: 4096, max: 2 ** 30 })
    .prefault('1MiB')
    .describe('The size that chunks should have.'),
})
  .transform(({ by, target }) => ({ by, targetBytes: target }))
  .describe('How the state is divided into chunks. Without it: as the kind of source does it.')

/** How a source's state is divided. */
export type Division = Readonly<z.output<typeof divide>>

export function order(fallback: Order) {
  return z
    .enum(orders)
    .default(fallback)
    .describe('What goes first: forecast goes by expected reads per byte, app as the application lists it, the others by what they name.')
}

const share = strict({
  least: z.number().min(0).max(1).default(0).describe('It gets at least this share of the bytes, from 0 to 1, while it has anything left.'),
  most: z.number().min(0).max(1).default(1).describe('It gets no more than this share while other sources have anything left.'),
}).refine(({ least, most }) => least <= most, { error: 'least is larger than most' })

/** What every kind of source may say of its place among the others. */
export const place = {
  weight: z
    .number()
    .min(0)
    .max(1e6)
    .optional()
    .describe('What doing without this state costs, against the other sources: 2 is twice as much as 1. Without it: 1.'),
  share: share.optional().describe("Bounds on this source's share of the bytes of data that go. Metadata and dirty chunks go in any case."),
}

export function globs(meaning: string) {
  return z.array(z.string().min(1)).max(1000).optional().describe(meaning)
}
