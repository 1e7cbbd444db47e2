// A trace file: its format by its name, read as a stream, decompressed on the way.

import { createReadStream } from 'node:fs'
import { createZstdDecompress } from 'node:zlib'
import { asHeirloomError, HeirloomError } from '../../src/errors.ts'
import { traceReadBytes } from '../../src/limits/plan.ts'
import { CsvParser } from './csv-parser.ts'
import { LisParser } from './lis-parser.ts'
import { Trace } from './trace.ts'

const parsers = { lis: LisParser, csv: CsvParser }

/** Reads a `.lis` or `.csv` trace, plain or with `.zst`. Throws `usage` for another name, `io` for a file that can't be read or is malformed. */
export async function readTrace(path: string, signal: AbortSignal): Promise<Trace> {
  const [, format, packed] = /\.(lis|csv)(\.zst)?$/.exec(path) ?? []
  if (format === undefined)
    throw new HeirloomError('usage', `${path} is named like no known trace`, { hint: 'there are .lis and .csv, plain or with .zst' })
  const trace = new Trace()
  const parser = new parsers[format as keyof typeof parsers](trace)
  try {
    const file = createReadStream(path, { highWaterMark: traceReadBytes, signal })
    const bytes = packed === undefined ? file : decompressed(file)
    for await (const piece of bytes) parser.push(piece as Uint8Array)
    parser.end()
  } catch (thrown) {
    signal.throwIfAborted()
    const { code, message, hint } = asHeirloomError(thrown, 'io')
    throw new HeirloomError(code, `${path}: ${message}`, { cause: thrown, ...(hint !== undefined && { hint }) })
  }
  if (trace.length === 0) throw new HeirloomError('io', `${path}: there are no references in it`)
  return trace
}

function decompressed(file: NodeJS.ReadableStream): AsyncIterable<unknown> {
  const decompress = createZstdDecompress({ chunkSize: traceReadBytes })
  // pipe() forwards no errors: a file that can't be read ends the reading of its content with its own error.
  file.on('error', (error) => decompress.destroy(error))
  return file.pipe(decompress)
}
