// The corpus in the repository: for each target the inputs that led somewhere, one a line, as text where they are text and else in base64. What was
// found once stays there for good.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(import.meta.dirname, 'corpus')

/** What one target's corpus may take up in the repository, in bytes. */
const fileBytesMax = 6 * 1024

export function corpusFile(target: string): string {
  return join(folder, `${target.replaceAll(' ', '-')}.txt`)
}

export function readCorpus(target: string): Uint8Array[] {
  const file = corpusFile(target)
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map(parseInput)
}

/** Adds inputs, shortest first, as long as there is room for them. */
export function addToCorpus(target: string, inputs: readonly Uint8Array[]): void {
  const lines = readCorpus(target).map(writeInput)
  let bytes = lines.reduce((sum, line) => sum + line.length + 1, 0)
  for (const line of inputs.map(writeInput).sort((a, b) => a.length - b.length)) {
    if (lines.includes(line) || bytes + line.length + 1 > fileBytesMax) continue
    lines.push(line)
    bytes += line.length + 1
  }
  if (lines.length > 0) writeFileSync(corpusFile(target), `${lines.join('\n')}\n`)
}

/** One line: JSON text, or `base64:` and the bytes. */
export function writeInput(input: Uint8Array): string {
  const text = Buffer.from(input).toString('utf8')
  const isText =
    Buffer.compare(Buffer.from(text), input) === 0 && !text.includes('\ufffd') && input.every((byte) => byte >= 9 && byte !== 127)
  return isText ? JSON.stringify(text) : `base64:${Buffer.from(input).toString('base64')}`
}

export function parseInput(line: string): Uint8Array {
  const prefix = 'base64:'
  if (line.startsWith(prefix)) return new Uint8Array(Buffer.from(line.slice(prefix.length), 'base64'))
  return new Uint8Array(Buffer.from(JSON.parse(line) as string))
}
