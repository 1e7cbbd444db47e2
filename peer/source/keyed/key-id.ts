// The ids of chunks of a key-value server: `DATABASE/KEY` for a key that is a chunk of its own, `DATABASE#NUMBER` for a group of keys. Keys are
// bytes; what isn't a visible ASCII character is percent-encoded, and a key that gets too long so is named by its digest.

import { createHash } from 'node:crypto'
import { chunkIdBytesMax } from '../../../src/limits/wire.ts'

export function keyId(database: number, name: Uint8Array): string {
  const text = escapeKey(name)
  return text.length + 8 <= chunkIdBytesMax ? `${database}/${text}` : `${database}/~${createHash('sha256').update(name).digest('hex')}`
}

export function groupId(database: number, group: number): string {
  return `${database}#${group}`
}

/** The database of an id, or undefined for what is none of ours. */
export function databaseOf(id: string): number | undefined {
  const digits = /^(\d{1,9})[/#]/.exec(id)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** A key as text. */
export function escapeKey(name: Uint8Array): string {
  const text = Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString('latin1')
  return text.replace(/[^!-$&-}]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
}
