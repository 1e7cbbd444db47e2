// What applications list, what directories' packs say of files, and traces.

import { Trace } from '../../../peer/simulate/trace.ts'
import { CsvParser } from '../../../peer/simulate/csv-parser.ts'
import { LisParser } from '../../../peer/simulate/lis-parser.ts'
import type { TraceParser } from '../../../peer/simulate/trace-parser.ts'
import { parseInventoryLine } from '../../../peer/source/app/inventory-line.ts'
import { linesOf } from '../../../peer/source/app/lines.ts'
import { decodeAttributes, encodeAttributes } from '../../../peer/source/directory/attributes.ts'
import { noTarget, type EntryHead } from '../../../peer/source/directory/entry.ts'
import { absolutePath, formatId, parseId, pathBytes, pathFromBytes, pathProblem } from '../../../peer/source/directory/path.ts'
import { posix } from 'node:path'
import { chunkIdBytesMax } from '../../../src/limits/wire.ts'
import { must, textFrom, utf8, type Target } from '../target.ts'

async function* inPieces(input: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < input.length; at += 61) yield input.subarray(at, at + 61)
}

const inventory: Target = {
  name: 'inventory lines',
  shape: 'json',
  share: 2,
  samples: () =>
    [
      {
        id: 'user:1',
        kind: 'data',
        bytes: 100,
        readProbability: 0.5,
        priority: 3,
        dirty: true,
        version: 'v',
        expiresAtMs: 1_800_000_000_000,
        origin: 's3://b/k',
        group: 'g',
      },
      { id: 'index', kind: 'metadata', version: 7 },
    ].map((line) => utf8(JSON.stringify(line))),
  take(input) {
    const chunk = parseInventoryLine(textFrom(input))
    if (chunk === undefined) return undefined
    must(chunk.id !== '' && chunk.id.isWellFormed() && Buffer.byteLength(chunk.id) <= chunkIdBytesMax, 'a chunk without an id')
    for (const hint of [chunk.bytes, chunk.readProbability, chunk.priority, chunk.expiresAtMs])
      must(hint === undefined || hint >= 0, 'a hint that is none')
    return chunk.kind
  },
}

const lines: Target = {
  name: 'lines',
  shape: 'text',
  share: 0.3,
  samples: () => [utf8('one\ntwo\n\nthree'), utf8(`${'x'.repeat(200)}\nshort\n`)],
  async take(input) {
    let tooLong = 0
    let count = 0
    for await (const batch of linesOf(inPieces(input), 100, () => tooLong++)) {
      for (const line of batch) must(Buffer.byteLength(line) <= 300 && !line.includes('\n'), 'a line that is too long')
      count += batch.length
    }
    return `${Math.min(count, 2)} ${Math.min(tooLong, 2)}`
  },
}

const head: EntryHead = { type: 'file', mode: 0o644, mtimeS: 1_700_000_000, mtimeNs: 5, size: 100, offset: 0, target: noTarget }

const attributes: Target = {
  name: 'attributes',
  shape: 'message',
  share: 4,
  samples: () => [
    encodeAttributes('a/b.txt', head),
    encodeAttributes(Buffer.from([0xff, 0x61]), { ...head, type: 'directory', size: 0 }),
    encodeAttributes('a/link', { ...head, type: 'link', target: Buffer.from('../b') }),
  ],
  take(input) {
    const decoded = decodeAttributes(input)
    if ('problem' in decoded) return decoded.problem
    stays(pathBytes(decoded.path))
    must(decoded.head.offset <= decoded.head.size && decoded.head.mode <= 0o7777, 'attributes out of their bounds')
    return decoded.head.type
  },
}

/** A path that was let in leads to a place below the root. */
function stays(path: Uint8Array): void {
  const absolute = Buffer.from(absolutePath('/root', pathFromBytes(path))).toString('latin1')
  must(absolute.startsWith('/root/') && posix.normalize(absolute) === absolute, 'a path that leaves the root')
}

const paths: Target = {
  name: 'paths',
  shape: 'text',
  share: 4,
  samples: () => ['a/b/c.txt', 'dir/', 'a//->', 'a/big//1048576', '//ff61', '../x', 'a/./b', '.heirloom-x/y'].map(utf8),
  take(input) {
    if (pathProblem(input) === undefined) stays(input)
    const text = textFrom(input)
    const id = parseId(text)
    if (id === undefined) return pathProblem(text)
    stays(pathBytes(id.path))
    must(formatId(id) === text, 'an id that does not come back')
    return id.type
  },
}

function trace(name: string, parser: new (trace: Trace) => TraceParser, samples: readonly string[]): Target {
  return {
    name,
    shape: 'text',
    share: 0.02,
    bytesMax: 600,
    samples: () => samples.map(utf8),
    take(input) {
      const read = new Trace()
      const reader = new parser(read)
      for (let at = 0; at < input.length; at += 37) reader.push(input.subarray(at, at + 37))
      reader.end()
      must(read.length <= 600 * 2 ** 20, 'more references than lines have')
      return Math.min(read.length, 3)
    },
  }
}

export const sourceTargets: readonly Target[] = [
  inventory,
  lines,
  attributes,
  paths,
  trace('csv traces', CsvParser, ['time,key,size\n1,a,5\n2,"b,c",6\n', 'lbn\n5\n007\n5\n']),
  trace('lis traces', LisParser, ['5 3 0 1\n8 1 0 2\n', '100 2 0 1']),
]
