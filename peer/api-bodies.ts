// What callers of the local API write: small JSON objects, checked and bounded before anybody acts on them.

import { z } from 'zod'
import { HeirloomError } from '../src/errors.ts'
import { apiBodyBytesMax, missesAskedMax } from '../src/limits/agent.ts'
import { demandBodyBytesMax, demandedChunksMax, demandWithinMsMax } from '../src/limits/demand.ts'
import { chunkIdBytesMax } from '../src/limits/wire.ts'

/** What a caller who doesn't say gives us. */
const defaultDeadlineMs = 120_000
const deadlineMsMax = 24 * 60 * 60 * 1000

const notice = z.object({
  reason: z.string().max(500, 'reason is a text of at most 500 characters').default('asked for over the local API'),
  deadlineMs: z
    .number()
    .positive()
    .max(deadlineMsMax, `deadlineMs is a number of milliseconds, at most ${deadlineMsMax}`)
    .default(defaultDeadlineMs),
})

const demand = z.object({
  source: z.string().min(1).max(64),
  chunks: z.array(z.string().min(1).max(chunkIdBytesMax)).max(demandedChunksMax),
  withinMs: z.number().positive().max(demandWithinMsMax).optional(),
})

const misses = z.object({ count: z.int().min(1).max(missesAskedMax).default(1) })

export function readNotice(request: Request): Promise<z.output<typeof notice>> {
  return read(request, notice, apiBodyBytesMax, '{"reason":"kernel update","deadlineMs":120000}')
}

export async function readDemand(request: Request): Promise<{ source: string; ids: string[]; withinMs?: number }> {
  const { source, chunks, withinMs } = await read(request, demand, demandBodyBytesMax, '{"source":"sessions","chunks":["a","b"]}')
  return { source, ids: chunks, ...(withinMs !== undefined && { withinMs }) }
}

export async function readMisses(request: Request): Promise<number> {
  return (await read(request, misses, apiBodyBytesMax, '{"count":1}')).count
}

async function read<Schema extends z.ZodType>(
  request: Request,
  schema: Schema,
  bytesMax: number,
  example: string,
): Promise<z.output<Schema>> {
  const text = await boundedText(request, bytesMax)
  let value: unknown
  try {
    value = text.trim() === '' ? {} : JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('not an object')
  } catch (thrown) {
    throw new HeirloomError('malformed', 'the body is not a JSON object', { cause: thrown, hint: `such as ${example}` })
  }
  const { data, error } = schema.safeParse(value)
  if (error === undefined) return data
  const [issue] = error.issues
  throw new HeirloomError('usage', `${issue!.path.join('.')}: ${issue!.message}`, { hint: `such as ${example}` })
}

async function boundedText(request: Request, bytesMax: number): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const piece of request.body ?? []) {
    text += decoder.decode(piece, { stream: true })
    if (text.length > bytesMax) throw new HeirloomError('too-large', `a body has at most ${bytesMax} bytes`)
  }
  return text + decoder.decode()
}
