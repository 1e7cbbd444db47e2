// What a dumping program answers to an id: how many bytes follow, or why none do.

import type { LeftOutReason } from '../../../src/chunk/chunk.ts'
import { HeirloomError } from '../../../src/errors.ts'

export type DumpAnswer =
  { readonly bytes: number; readonly version: string | undefined } | { readonly leftOut: LeftOutReason; readonly detail: string }

/** The reasons that a program may give; any other text counts as the source's failure at that chunk. */
const reasons: readonly LeftOutReason[] = ['vanished', 'changed', 'expired', 'unreadable', 'too-large']

/** Throws `malformed` for what isn't an answer to this id: what follows can't be told apart any more. */
export function parseAnswer(line: string, id: string): DumpAnswer {
  const fields = parseObject(line)
  if (fields['id'] !== id) throw new HeirloomError('malformed', `not an answer to ${JSON.stringify(id)}: ${line.slice(0, 200)}`)
  const { bytes, version, leftOut, detail } = fields
  if (typeof leftOut === 'string') {
    const reason = reasons.find((known) => known === leftOut)
    return { leftOut: reason ?? 'source-failed', detail: typeof detail === 'string' ? detail : `the program says: ${leftOut}` }
  }
  if (typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || bytes < 0)
    throw new HeirloomError('malformed', `an answer without bytes: ${line.slice(0, 200)}`)
  return { bytes, version: typeof version === 'string' ? version : undefined }
}

/** Throws `malformed`. */
export function parseObject(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // Told below, like anything else that is no object.
  }
  throw new HeirloomError('malformed', `not a line of JSON: ${line.slice(0, 200)}`)
}
