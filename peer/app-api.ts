// The application's end of the app API as a fetch handler: `Request → Response`, web standards only, so that the same handler
// serves under Node, Deno and anything else that speaks fetch. The application says what it has, reads a chunk, takes one back.
//
// Invariant: what comes from the agent is checked and bounded before the application sees it, and a defect in one entry or
// one call of the application costs that entry or that call only.

import { createHash, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { ChunkKind } from '../src/chunk/chunk.ts'
import { asHeirloomError, type ErrorCode, HeirloomError } from '../src/errors.ts'
import { appBodyBytesMax, appQueryBytesMax, appReceiptBytesMax } from '../src/limits/source.ts'
import { splitPartsMax } from '../src/limits/plan.ts'
import { chunkIdBytesMax } from '../src/limits/wire.ts'
import { type AppChunk, inventoryLines } from './app-inventory.ts'
import type { InventoryQuery, WaitOptions } from './source/source.ts'

export type { AppChunk }

/** A chunk's content as the application gives it. Without `bytes` a stream's length is not announced. */
export interface AppContent {
  readonly body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>
  /** The length of a stream in bytes, when it is known. */
  readonly bytes?: number
  /** Opaque; comes back with the restore. */
  readonly version?: string
}

/** A chunk that comes back to the application on the successor. */
export interface AppRestore {
  readonly id: string
  readonly kind: ChunkKind
  readonly version: string | undefined
  /** Wall time in ms after which the chunk is worthless. */
  readonly expiresAtMs: number | undefined
  /** The content as it arrives. Take this or one of the two below, once. */
  readonly stream: ReadableStream<Uint8Array>
  /** The whole content; throws `too-large` above the handler's bound on bodies. */
  bytes(): Promise<Uint8Array<ArrayBuffer>>
  text(): Promise<string>
}

/**
 * What an application implements. Each may throw a HeirloomError: `not-found`, `changed` (what is here is fresher), `too-large`,
 * `no-space` and `busy` become the HTTP status that says the same; anything else is a 500.
 */
export interface AppSource {
  /** The chunks, best first, in the application's own order. Asked at the notice, and again with `requery` when the rate changed much. */
  inventory(query: InventoryQuery, options: WaitOptions): Iterable<AppChunk> | AsyncIterable<AppChunk> | Promise<Iterable<AppChunk>>
  /** A chunk's content; undefined when it is gone. */
  read(id: string, options: WaitOptions): AppContent | undefined | Promise<AppContent | undefined>
  /** Takes one chunk back. Metadata chunks come first, then plan order. The same chunk may come twice. */
  restore(chunk: AppRestore, options: WaitOptions): void | Promise<void>
  /** All that will come has come. */
  ready(receipt: Readonly<Record<string, unknown>>, options: WaitOptions): void | Promise<void>
}

export interface ServeAppOptions {
  /** What the agent's `token_file` holds; calls without it get a 401. For a port, which every user of the machine can reach. */
  readonly token?: string
  /** The largest chunk that `bytes()` and `text()` gather in memory. Default: appBodyBytesMax. */
  readonly bodyBytesMax?: number
  /** Told of entries that were left out of the inventory and of calls that failed. */
  readonly onWarning?: (warning: HeirloomError) => void
}

export type FetchHandler = (request: Request) => Promise<Response>

const prefix = '/warm/v1/'

const querySchema = z.object({
  handoff: z.string().min(1).max(128),
  reason: z.string().max(4096).default(''),
  deadlineMs: z.number().nonnegative(),
  // A rate or a budget that isn't known is no bound.
  rateBytesPerSecond: z.number().nonnegative().nullish(),
  budgetBytes: z.number().nonnegative().nullish(),
  requery: z.boolean().default(false),
  parts: z.array(z.string()).max(splitPartsMax).optional(),
})

const statusByCode: Partial<Record<ErrorCode, number>> = {
  usage: 400,
  malformed: 400,
  unsupported: 405,
  'not-found': 404,
  changed: 409,
  'too-large': 413,
  busy: 503,
  draining: 503,
  'no-space': 507,
}

/** The handler that serves `source` under `/warm/v1/`. It keeps no state of its own. */
export function serveAppSource(source: AppSource, options: ServeAppOptions = {}): FetchHandler {
  const { token, bodyBytesMax = appBodyBytesMax, onWarning = () => {} } = options
  return async (request) => {
    if (token !== undefined && !isSame(request.headers.get('authorization') ?? '', `Bearer ${token}`)) {
      return Response.json({ code: 'unauthorised', message: 'the token is missing or wrong' }, { status: 401 })
    }
    try {
      return await route(source, request, bodyBytesMax, onWarning)
    } catch (thrown) {
      const error = asHeirloomError(thrown, 'source-failed')
      const status = statusByCode[error.code] ?? 500
      if (status >= 500) onWarning(error)
      return Response.json({ code: error.code, message: error.message, hint: error.hint }, { status })
    }
  }
}

/** In a time that tells nothing of where they differ. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}

async function route(
  source: AppSource,
  request: Request,
  bodyBytesMax: number,
  onWarning: (warning: HeirloomError) => void,
): Promise<Response> {
  const path = new URL(request.url).pathname
  const { method, signal } = request
  if (path === `${prefix}inventory`) {
    expectMethod(method, 'POST')
    const chunks = await source.inventory(await readQuery(request), { signal })
    return new Response(inventoryLines(chunks, onWarning), { headers: { 'content-type': 'application/x-ndjson' } })
  }
  if (path === `${prefix}ready`) {
    expectMethod(method, 'POST')
    await source.ready(await readJsonObject(request, appReceiptBytesMax), { signal })
    return new Response(null, { status: 204 })
  }
  if (path.startsWith(`${prefix}chunks/`)) {
    const id = decodeId(path.slice(prefix.length + 'chunks/'.length))
    if (method === 'GET' || method === 'HEAD') return answerChunk(await source.read(id, { signal }), id)
    expectMethod(method, 'PUT')
    await source.restore(incomingChunk(request, id, bodyBytesMax), { signal })
    return new Response(null, { status: 204 })
  }
  throw new HeirloomError('not-found', `nothing is served at ${path}`, { hint: `the app API is served under ${prefix}` })
}

function expectMethod(method: string, expected: string): void {
  if (method !== expected) throw new HeirloomError('unsupported', `${method} isn't served here, only ${expected}`)
}

function decodeId(encoded: string): string {
  let id: string
  try {
    id = decodeURIComponent(encoded)
  } catch (cause) {
    throw new HeirloomError('malformed', 'the chunk id is not valid percent encoding of UTF-8', { cause })
  }
  if (id === '' || new TextEncoder().encode(id).length > chunkIdBytesMax) {
    throw new HeirloomError('malformed', `a chunk id has 1 to ${chunkIdBytesMax} bytes`)
  }
  return id
}

async function readQuery(request: Request): Promise<InventoryQuery> {
  const parsed = querySchema.safeParse(await readJsonObject(request, appQueryBytesMax))
  if (!parsed.success) throw new HeirloomError('malformed', `the inventory query is not as it should be: ${z.prettifyError(parsed.error)}`)
  const { rateBytesPerSecond, budgetBytes, ...rest } = parsed.data
  return { ...rest, rateBytesPerSecond: rateBytesPerSecond ?? Infinity, budgetBytes: budgetBytes ?? Infinity }
}

async function readJsonObject(request: Request, bytesMax: number): Promise<Record<string, unknown>> {
  const text = new TextDecoder().decode(await gather(request, bytesMax))
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new HeirloomError('malformed', 'the body is not JSON', { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new HeirloomError('malformed', 'the body is not a JSON object')
  return value as Record<string, unknown>
}

/** The whole body. The announced length is checked before anything is taken, the real one while it comes. */
async function gather(request: Request, bytesMax: number): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () => new HeirloomError('too-large', `the body is larger than ${bytesMax} bytes`)
  if (Number(request.headers.get('content-length') ?? 0) > bytesMax) throw tooLarge()
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of bodyOf(request)) {
    length += piece.length
    if (length > bytesMax) throw tooLarge()
    pieces.push(piece)
  }
  const joined = new Uint8Array(length)
  let offset = 0
  for (const piece of pieces) {
    joined.set(piece, offset)
    offset += piece.length
  }
  return joined
}

function bodyOf(request: Request): ReadableStream<Uint8Array> {
  return request.body ?? new Blob([]).stream()
}

function incomingChunk(request: Request, id: string, bodyBytesMax: number): AppRestore {
  const { headers } = request
  const kind = headers.get('heirloom-kind') ?? 'data'
  if (kind !== 'metadata' && kind !== 'data') throw new HeirloomError('malformed', 'heirloom-kind is neither metadata nor data')
  const expires = headers.get('heirloom-expires-at')
  // Zero stands for never, as it does in a pack.
  const expiresAtMs = expires === null ? 0 : Number(expires)
  if (!Number.isSafeInteger(expiresAtMs) || expiresAtMs < 0) throw new HeirloomError('malformed', 'heirloom-expires-at is not a time in ms')
  return {
    id,
    kind,
    version: headers.get('heirloom-version') ?? undefined,
    expiresAtMs: expiresAtMs || undefined,
    get stream() {
      return bodyOf(request)
    },
    bytes: () => gather(request, bodyBytesMax),
    text: async () => new TextDecoder().decode(await gather(request, bodyBytesMax)),
  }
}

function answerChunk(content: AppContent | undefined, id: string): Response {
  if (content === undefined) throw new HeirloomError('not-found', `there is no chunk ${JSON.stringify(id)} any more`)
  const body = typeof content.body === 'string' ? new TextEncoder().encode(content.body) : content.body
  const headers = new Headers({ 'content-type': 'application/octet-stream' })
  const bytes = body instanceof Uint8Array ? body.length : content.bytes
  if (bytes !== undefined) headers.set('content-length', String(bytes))
  if (content.version !== undefined) headers.set('heirloom-version', content.version)
  return new Response(body, { headers })
}
