// What a pack says of the chunks in the packs before it, for an heir that has to look for one in the store, where nobody may know ids
// (PROTOCOL.md, "Packs"). What only the heir has it needn't look for.

import { chunkMarkBytes, type PackDirectory } from '../../src/chunk/pack.ts'
import { markChunk } from '../../src/seal/chunk-mark.ts'
import { directoryBytesMax, directoryEveryPacks } from '../../src/limits/demand.ts'
import type { Dispatcher } from '../../src/transfer/dispatcher.ts'
import type { Ledger } from './ledger.ts'

/** The directory in pack `number`; empty in most. */
export function directoryIn(number: number, isLast: boolean, ledger: Ledger, dispatcher: Dispatcher): PackDirectory[] {
  if (!isLast && number % directoryEveryPacks !== directoryEveryPacks - 1) return []
  // While the heir can be reached what is on its way goes to it, and it can ask.
  const isWanted = dispatcher.reaches('heir')
    ? (pack: number) => dispatcher.has('store', pack) && !dispatcher.has('heir', pack)
    : (pack: number) => !dispatcher.has('heir', pack)
  const directory: PackDirectory[] = []
  let bytesLeft = directoryBytesMax
  for (let pack = number - (number % directoryEveryPacks); pack < number; pack++) {
    if (!isWanted(pack)) continue
    const chunks = marksOf(ledger, pack)
    bytesLeft -= chunks.byteLength
    if (bytesLeft < 0) break
    if (chunks.byteLength > 0) directory.push({ pack, chunks })
  }
  return directory
}

function marksOf(ledger: Ledger, pack: number): Uint8Array {
  const marks = new Set<string>()
  for (const { source, chunk } of ledger.parts(pack)) marks.add(markChunk(source, chunk.id))
  const bytes = Buffer.alloc(chunkMarkBytes * marks.size)
  let at = 0
  for (const mark of marks) at += bytes.write(mark, at, 'hex')
  return bytes
}
