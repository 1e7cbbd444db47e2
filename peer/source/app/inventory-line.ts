// One line of an application's inventory (CONTRACT.md): JSON with an id and hints. Unknown fields are ignored, hints that make no sense are
// dropped; a line without a usable id is no chunk.

import type { Chunk } from '../../../src/chunk/chunk.ts'
import { chunkIdBytesMax } from '../../../src/limits/wire.ts'

/** The chunk, or undefined for a line that isn't one. */
export function parseInventoryLine(line: string): Chunk | undefined {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const fields = value as Record<string, unknown>
  const { id } = fields
  if (typeof id !== 'string' || id === '' || Buffer.byteLength(id) > chunkIdBytesMax || !id.isWellFormed()) return undefined
  const number = (name: string) => {
    const given = fields[name]
    return typeof given === 'number' && Number.isFinite(given) && given >= 0 ? given : undefined
  }
  const text = (name: string) => (typeof fields[name] === 'string' ? fields[name] : undefined)
  const hints = {
    bytes: number('bytes'),
    readProbability: number('readProbability'),
    priority: number('priority'),
    dirty: fields['dirty'] === true ? true : undefined,
    version: text('version') ?? number('version')?.toString(),
    expiresAtMs: number('expiresAtMs'),
    origin: text('origin'),
    group: text('group'),
    part: text('part'),
    digest: digestOf(text('digest')),
  }
  const given = Object.fromEntries(Object.entries(hints).filter(([, hint]) => hint !== undefined))
  return { id, kind: fields['kind'] === 'metadata' ? 'metadata' : 'data', ...given }
}

/** As hexadecimal digits, with or without the algorithm before them. */
function digestOf(given: string | undefined): string | undefined {
  return given === undefined ? undefined : /^(?:sha256:)?([0-9a-f]{64})$/i.exec(given)?.[1]?.toLowerCase()
}
