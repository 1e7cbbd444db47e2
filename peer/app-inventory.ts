// An application's inventory on its way to the agent: NDJSON, checked line by line, pulled as fast as the agent reads it.
//
// Invariant: an entry that is not as it must be costs itself only, and whoever serves the application is told.

import { z } from 'zod'
import type { Chunk } from '../src/chunk/chunk.ts'
import { asHeirloomError, HeirloomError } from '../src/errors.ts'
import { inventoryLineBytesMax } from '../src/limits/source.ts'
import { chunkIdBytesMax } from '../src/limits/wire.ts'

/** One line of an application's inventory: only the id is required, and a chunk is data unless it says otherwise. */
export type AppChunk = Pick<Chunk, 'id'> & Partial<Chunk>

/** Bytes of inventory lines that are gathered into one piece of the answer. */
const linesBytes = 64 * 1024

/** The inventory as NDJSON, pulled as fast as the agent reads it. */
export function inventoryLines(
  chunks: Iterable<AppChunk> | AsyncIterable<AppChunk>,
  onWarning: (warning: HeirloomError) => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  async function* pieces() {
    let gathered = ''
    for await (const chunk of chunks) {
      const { line, defect } = inventoryLine(chunk)
      if (defect !== undefined) {
        onWarning(new HeirloomError('source-failed', `an entry was left out of the inventory: ${defect}`))
        continue
      }
      gathered += line
      if (gathered.length >= linesBytes) {
        yield encoder.encode(gathered)
        gathered = ''
      }
    }
    if (gathered !== '') yield encoder.encode(gathered)
  }
  const iterator = pieces()
  return new ReadableStream({
    async pull(controller) {
      try {
        const { value, done } = await iterator.next()
        if (done) controller.close()
        else controller.enqueue(value)
      } catch (thrown) {
        // The status is sent already, so only a cut connection can tell the agent; what it has by then it may use.
        onWarning(asHeirloomError(thrown, 'source-failed'))
        controller.error(thrown)
      }
    },
    async cancel() {
      await iterator.return()
    },
  })
}

const entrySchema = z.object({
  // A URL swallows the segments "." and "..", so that such chunks could never be asked for.
  id: z
    .string()
    .min(1)
    .refine((id) => id !== '.' && id !== '..', 'an id can not be "." or ".."')
    .refine((id) => id.isWellFormed(), 'an id is valid Unicode'),
  kind: z.enum(['metadata', 'data']).default('data'),
  bytes: z.number().int().nonnegative().optional(),
  readProbability: z.number().nonnegative().optional(),
  priority: z.number().optional(),
  dirty: z.boolean().optional(),
  version: z.string().optional(),
  expiresAtMs: z.number().nonnegative().optional(),
  origin: z.string().optional(),
  digest: z
    .string()
    .regex(/^(sha256:)?[0-9a-fA-F]{64}$/, 'a digest is the SHA-256 in hexadecimal')
    .optional(),
  group: z.string().optional(),
  part: z.string().optional(),
})

function inventoryLine(chunk: AppChunk): { line: string; defect?: undefined } | { line?: undefined; defect: string } {
  const parsed = entrySchema.safeParse(chunk)
  if (!parsed.success) return { defect: z.prettifyError(parsed.error) }
  const encoder = new TextEncoder()
  if (encoder.encode(parsed.data.id).length > chunkIdBytesMax) return { defect: `its id is longer than ${chunkIdBytesMax} bytes` }
  const line = `${JSON.stringify(parsed.data)}\n`
  if (encoder.encode(line).length > inventoryLineBytesMax) return { defect: `its line is longer than ${inventoryLineBytesMax} bytes` }
  return { line }
}
