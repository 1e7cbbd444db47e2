// Paths inside a root, as bytes of the file system: relative, with `/` between the parts. Most are UTF-8 and handled as strings; one
// that isn't is kept as a Buffer, so that it survives.

import type { EntryType, RelativePath } from './entry.ts'

/** Staging folders of restores; never part of a directory's state. */
export const stagingPrefix = '.heirloom-'

export function joinPath(parent: RelativePath, name: RelativePath): RelativePath {
  if (parent.length === 0) return name
  if (typeof parent === 'string' && typeof name === 'string') return `${parent}/${name}`
  return Buffer.concat([Buffer.from(parent), Buffer.from('/'), Buffer.from(name)])
}

export function pathBytes(path: RelativePath): Uint8Array {
  return typeof path === 'string' ? Buffer.from(path) : path
}

/** From bytes to a string where they are UTF-8, else a Buffer. */
export function pathFromBytes(bytes: Uint8Array): RelativePath {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = buffer.toString('utf8')
  return text.includes('\ufffd') && !Buffer.from(text).equals(buffer) ? buffer : text
}

/** The order of their bytes. */
export function comparePaths(one: RelativePath, other: RelativePath): number {
  if (typeof one !== 'string' || typeof other !== 'string') return Buffer.compare(pathBytes(one), pathBytes(other))
  const length = Math.min(one.length, other.length)
  for (let at = 0; at < length; at++) {
    const [a, b] = [one.charCodeAt(at), other.charCodeAt(at)]
    if (a !== b) return inBytes(a) - inBytes(b)
  }
  return one.length - other.length
}

/** Where a UTF-16 unit comes in the order of UTF-8: halves of surrogate pairs stand for what comes after all others. */
function inBytes(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit
}

/** The path under a root, for the file system's calls. */
export function absolutePath(root: string, path: RelativePath): string | Buffer {
  if (path.length === 0) return root
  return typeof path === 'string' ? `${root}/${path}` : Buffer.concat([Buffer.from(`${root}/`), path])
}

export function parentPath(path: RelativePath): RelativePath {
  const at = typeof path === 'string' ? path.lastIndexOf('/') : path.lastIndexOf(0x2f)
  return at < 0 ? '' : typeof path === 'string' ? path.slice(0, at) : pathFromBytes(path.subarray(0, at))
}

/** A name for people, keys and chunk ids: itself, or `//` and hexadecimal for what isn't UTF-8 (no relative path begins so). */
export function pathText(path: RelativePath): string {
  return typeof path === 'string' ? path : `//${path.toString('hex')}`
}

/** The reverse of pathText, for what pathText made. */
export function pathFromText(text: string): RelativePath {
  return text.startsWith('//') ? Buffer.from(text.slice(2), 'hex') : text
}

/** A part that is empty, `.` or `..`. */
const leavingPart = /(?:^|\/)\.{0,2}(?:\/|$)/

/** What is wrong with a path that came from outside, or undefined when it stays inside the root. */
export function pathProblem(path: string | Uint8Array): string | undefined {
  // All that is looked for is ASCII, so bytes may be taken for characters.
  const text = typeof path === 'string' ? path : Buffer.from(path.buffer, path.byteOffset, path.byteLength).toString('latin1')
  if (text === '') return 'an empty name'
  if (text.includes('\0')) return 'a name with a NUL byte'
  if (leavingPart.test(text)) return 'a name that leaves the directory'
  if (text.startsWith(stagingPrefix)) return 'a name that is reserved'
  return undefined
}

/** What a chunk's id stands for. `offset` is that of a piece of a large file. */
export interface EntryId {
  readonly path: RelativePath
  readonly type: EntryType
  readonly offset: number | undefined
}

/**
 * A chunk's id: `path` for a file, `path/` for a directory, `path//->` for a link, `path//=` for one more name of a file, `path//OFFSET` for a piece of a large file, where a path
 * that isn't UTF-8 is `//HEX`. No relative path has an empty part, so no two of these forms ever meet.
 */
export function formatId({ path, type, offset }: EntryId): string {
  const text = pathText(path)
  if (type === 'directory') return `${text}/`
  if (type === 'link') return `${text}//->`
  if (type === 'name') return `${text}//=`
  return offset === undefined ? text : `${text}//${offset}`
}

const typeBySuffix: Readonly<Record<string, EntryType>> = { '/': 'directory', '//->': 'link', '//=': 'name' }

/** The reverse of formatId; undefined for what formatId never makes, so also for what would leave the root. */
export function parseId(id: string): EntryId | undefined {
  // Nearly all are of files in one chunk, which are their paths.
  if (!id.includes('//') && !id.endsWith('/')) {
    return id.isWellFormed() && pathProblem(id) === undefined ? { path: id, type: 'file', offset: undefined } : undefined
  }
  const [, text, suffix] = /^((?:\/\/[0-9a-f]+)?(?:(?!\/\/|\/$)[^])*)(\/|\/\/->|\/\/=|\/\/(?:0|[1-9][0-9]*))?$/.exec(id) ?? []
  if (text === undefined) return undefined
  // Only what isn't UTF-8 is written in hexadecimal, else one file had two ids.
  const path = pathFromBytes(pathBytes(pathFromText(text)))
  if (pathText(path) !== text || pathProblem(path) !== undefined) return undefined
  const type = typeBySuffix[suffix ?? ''] ?? 'file'
  const offset = suffix !== undefined && type === 'file' ? Number(suffix.slice(2)) : undefined
  if (offset !== undefined && !Number.isSafeInteger(offset)) return undefined
  return { path, type, offset }
}
