// An application with its state in memory, served over the app API on a Unix socket, and its own log of what it was asked.

import { type AppChunk, type AppSource, serveAppSource } from '../../peer/app-api.ts'
import { serveHttp } from '../../src/http/serve.ts'
import { makeTemp } from './temp.ts'

export interface HeldChunk extends AppChunk {
  readonly content: Uint8Array<ArrayBuffer>
}

/** `begin` when a call came, `end` when it was answered. */
export interface Asked {
  readonly call: 'inventory' | 'read' | 'restore' | 'ready'
  readonly id: string
  readonly edge: 'begin' | 'end'
}

export interface WarmApp extends AsyncDisposable {
  readonly url: string
  readonly log: readonly Asked[]
  /** What came back, in the order in which it was put. */
  readonly restored: ReadonlyMap<string, Uint8Array>
  readonly receipts: readonly Readonly<Record<string, unknown>>[]
  /** Ids of the calls of a kind, in the order in which they began. */
  asked(call: Asked['call']): string[]
}

/** An app source over `chunks`, in their order, which tells `log` what it was asked. */
export function memoryAppSource(
  chunks: readonly HeldChunk[],
  { log, restored, receipts }: { log: Asked[]; restored: Map<string, Uint8Array>; receipts: Readonly<Record<string, unknown>>[] },
): AppSource {
  const held = new Map(chunks.map((chunk) => [chunk.id, chunk]))
  return {
    inventory() {
      log.push({ call: 'inventory', id: '', edge: 'begin' })
      return chunks.map(({ content, ...chunk }) => ({ bytes: content.byteLength, ...chunk }))
    },
    read(id) {
      log.push({ call: 'read', id, edge: 'begin' })
      const content = held.get(id)?.content
      log.push({ call: 'read', id, edge: 'end' })
      return content && { body: content }
    },
    async restore(chunk) {
      log.push({ call: 'restore', id: chunk.id, edge: 'begin' })
      restored.set(chunk.id, await chunk.bytes())
      log.push({ call: 'restore', id: chunk.id, edge: 'end' })
    },
    ready(receipt) {
      log.push({ call: 'ready', id: '', edge: 'begin' })
      receipts.push(receipt)
    },
  }
}

/** Serves an app that holds `chunks`; `change` replaces parts of its behaviour. */
export async function serveWarmApp(
  chunks: readonly HeldChunk[],
  change: Partial<AppSource> | ((restored: Map<string, Uint8Array>) => Partial<AppSource>) = {},
): Promise<WarmApp> {
  const temp = await makeTemp()
  const kept = { log: [] as Asked[], restored: new Map<string, Uint8Array>(), receipts: [] as Readonly<Record<string, unknown>>[] }
  const changed = typeof change === 'function' ? change(kept.restored) : change
  const server = await serveHttp(serveAppSource({ ...memoryAppSource(chunks, kept), ...changed }), `unix:${temp.at('app.sock')}`)
  return {
    ...kept,
    url: server.url,
    asked: (call) => kept.log.filter((entry) => entry.call === call && entry.edge === 'begin').map(({ id }) => id),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await temp[Symbol.asyncDispose]()
    },
  }
}

/** A chunk of `bytes` bytes that can be told from others. */
export function heldChunk(id: string, bytes: number, more: Partial<AppChunk> = {}): HeldChunk {
  const content = new Uint8Array(bytes)
  for (let at = 0; at < bytes; at++) content[at] = (at * 31 + id.length * 7 + id.charCodeAt(at % id.length)) & 255
  return { id, content, ...more }
}
