// What the parts of the directory adapter tell one another about a file, directory or symbolic link. No I/O and no wire format: the
// threads that only make system calls import this and start quickly.

/** A string, or bytes that aren't UTF-8. */
export type RelativePath = string | Buffer

/** `name` is one more name of a file that is listed under another: a hard link. */
export type EntryType = 'file' | 'directory' | 'link' | 'name'

/** On the wire (FileAttributes.type) and between threads. */
export const typeNumbers = { file: 1, directory: 2, link: 3, name: 4 } as const

export const typeByNumber: Readonly<Record<number, EntryType>> = { 1: 'file', 2: 'directory', 3: 'link', 4: 'name' }

/** What a walk finds. */
export interface Entry {
  readonly path: RelativePath
  readonly type: EntryType
  /** In bytes; 0 for all but files. */
  readonly size: number
  readonly mtimeMs: number
  /** Of a file that is divided into pieces: which state of it they must all come from. Of a name: the file's path, as pathText has it. */
  readonly version?: string
  /** Of a file that has several names: the same for all of them. */
  readonly inode?: string
}

/** What a restore must know of an entry beyond its bytes. */
export interface EntryHead {
  readonly type: EntryType
  /** Permission bits. */
  readonly mode: number
  /** Modification time: seconds since 1970, rounded down, and the nanoseconds beyond them. */
  readonly mtimeS: number
  readonly mtimeNs: number
  /** The whole file's bytes, and where in it the chunk begins. */
  readonly size: number
  readonly offset: number
  /** Of a symbolic link: where it points, byte for byte. Of a name: the file's path. */
  readonly target: Uint8Array
  /** A file with holes. */
  readonly sparse?: true
  /** Extended attributes, as they go over the wire. */
  readonly extended?: Uint8Array
}

/** Of what a restore makes. */
export interface Owner {
  readonly uid: number
  readonly gid: number
}

export const noTarget: Uint8Array = new Uint8Array(0)

/** Seconds since 1970, as the runtime's calls take them: good to a quarter of a microsecond. */
export function mtimeOf({ mtimeS, mtimeNs }: EntryHead): number {
  return mtimeS + mtimeNs / 1e9
}
