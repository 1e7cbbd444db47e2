// Directory trees for tests: made from a seed, and compared: bytes, modes, modification times, links.

import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

function randomBytesOf(random: () => number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes)
  for (let at = 0; at + 4 <= bytes; at += 4) buffer.writeUInt32LE(Math.floor(random() * 2 ** 32), at)
  return buffer
}

export interface TreeShape {
  readonly files?: number
  /** Of a small file. */
  readonly bytesMax?: number
  /** Sizes of large files, beside the small ones. */
  readonly large?: readonly number[]
}

/** Fills a folder: nested folders, files, links, an empty folder and an empty file, different modes and times. */
export function makeTree(folder: string, random: () => number, { files = 60, bytesMax = 20_000, large = [] }: TreeShape = {}): void {
  mkdirSync(folder, { recursive: true })
  const folders = ['', 'a', 'a/b', 'c', 'c/ümläut ☃']
  for (const name of folders) mkdirSync(join(folder, name), { recursive: true })
  const write = (name: string, bytes: Buffer, mode: number) => {
    writeFileSync(join(folder, name), bytes)
    chmodSync(join(folder, name), mode)
    const seconds = 1_500_000_000 + Math.floor(random() * 200_000_000) + 0.25
    utimesSync(join(folder, name), seconds, seconds)
  }
  for (let index = 0; index < files; index++) {
    const place = folders[Math.floor(random() * folders.length)]!
    write(join(place, `file ${index}`), randomBytesOf(random, Math.floor(random() * bytesMax)), random() < 0.5 ? 0o644 : 0o750)
  }
  large.forEach((bytes, index) => write(`large ${index}`, randomBytesOf(random, bytes), 0o600))
  write('empty', Buffer.alloc(0), 0o644)
  mkdirSync(join(folder, 'nothing in it'))
  symlinkSync('a/b', join(folder, 'link'))
  symlinkSync('/nowhere/at/all', join(folder, 'dangling'))
  for (const name of [...folders.slice(1).reverse(), 'nothing in it']) utimesSync(join(folder, name), 1_600_000_000, 1_600_000_000)
}

/** Every entry below a folder as one comparable line; staging folders are not part of it. */
export function describeTree(folder: string): Map<string, string> {
  const entries = new Map<string, string>()
  const visit = (path: string) => {
    for (const name of readdirSync(join(folder, path)).sort()) {
      if (path === '' && name.startsWith('.heirloom-')) continue
      const inner = path === '' ? name : `${path}/${name}`
      const stats = lstatSync(join(folder, inner))
      const attributes = `${(stats.mode & 0o7777).toString(8)} ${Math.round(stats.mtimeMs * 100)}`
      if (stats.isSymbolicLink()) entries.set(inner, `link ${readlinkSync(join(folder, inner))}`)
      else if (stats.isDirectory()) {
        entries.set(inner, `folder ${attributes}`)
        visit(inner)
      } else entries.set(inner, `file ${attributes} ${readFileSync(join(folder, inner)).toString('base64')}`)
    }
  }
  visit('')
  return entries
}

/** Times are set as seconds in a double, which are good to a quarter of a microsecond: one that lies between two steps may come to be the other. */
function isSame(line: string, other: string): boolean {
  const time = /(?<=^(?:file|folder) \d+ )\d+/
  const [one, two] = [line, other].map((each) => Number(time.exec(each)?.[0] ?? 0))
  return Math.abs(one! - two!) <= 1 && line.replace(time, '') === other.replace(time, '')
}

/** What differs between two trees; with `partial` what is missing in the second is no difference. */
export function treeDifferences(expected: string, actual: string, { partial = false } = {}): string[] {
  const before = describeTree(expected)
  const after = describeTree(actual)
  const differences: string[] = []
  for (const [path, line] of before) {
    const other = after.get(path)
    if (other === undefined ? !partial : !isSame(line, other) && !(partial && line.startsWith('folder')))
      differences.push(`${path}: ${line.slice(0, 60)} became ${other?.slice(0, 60)}`)
  }
  for (const path of after.keys()) if (!before.has(path)) differences.push(`${path} is new`)
  return differences
}
