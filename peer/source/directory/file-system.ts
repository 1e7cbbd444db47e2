// The system calls that this adapter makes, as a seam: a test hands in one that fails or interferes at a chosen call.

import * as fs from 'node:fs'

export type FileSystem = Pick<
  typeof fs,
  | 'chmodSync'
  | 'closeSync'
  | 'fchmodSync'
  | 'fchownSync'
  | 'fstatSync'
  | 'ftruncateSync'
  | 'futimesSync'
  | 'lchownSync'
  | 'linkSync'
  | 'lstatSync'
  | 'lutimesSync'
  | 'mkdirSync'
  | 'openSync'
  | 'readdirSync'
  | 'readlinkSync'
  | 'readSync'
  | 'renameSync'
  | 'rmSync'
  | 'symlinkSync'
  | 'utimesSync'
  | 'writeSync'
>

export const nodeFileSystem: FileSystem = fs

/** A system call's error code such as ENOENT; empty for what isn't a system call's error. */
export function errnoOf(thrown: unknown): string {
  const code = (thrown as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : ''
}
