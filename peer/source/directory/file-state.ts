// What tells one state of a file from another: another file in its place, another size, another time. Finer than that no file system
// tells; two changes within one tick of its clock look like one.

import type { BigIntStats } from 'node:fs'

type FileState = Pick<BigIntStats, 'ino' | 'size' | 'mtimeNs' | 'ctimeNs'>

export function versionOf({ ino, size, mtimeNs, ctimeNs }: FileState): string {
  return `${ino}-${size}-${mtimeNs}-${ctimeNs}`
}

export function isSameState(one: FileState, other: FileState): boolean {
  return one.mtimeNs === other.mtimeNs && one.ctimeNs === other.ctimeNs && one.size === other.size && one.ino === other.ino
}
