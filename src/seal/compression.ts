// zstd for packs (RFC 8878), before they are sealed. Expanding is bounded in what comes out and in the window that the decoder takes for it.

import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompressSync } from 'node:zlib'
import { HeirloomError } from '../errors.ts'
import { packBytesMax } from '../limits/wire.ts'

/** The fastest level: a notice is short, and a slower one rarely pays for itself on a data centre's links. */
const level = 1

/** A window of packBytesMax: nothing that was compressed from a pack needs a larger one. */
const windowLogMax = Math.log2(packBytesMax)

/** Answers one frame, or undefined when it would not be smaller. What is given must not change until then. */
export type Compress = (plain: Uint8Array) => Promise<Uint8Array | undefined>

/** On one of the runtime's own threads. */
export const compressPlain: Compress = async (plain) => {
  const compressed = await promisify(zstdCompress)(plain, {
    chunkSize: Math.max(64 * 1024, plain.byteLength),
    pledgedSrcSize: plain.byteLength,
    params: { [constants.ZSTD_c_compressionLevel]: level },
  })
  return compressed.byteLength < plain.byteLength ? compressed : undefined
}

/** Throws `too-large` for what would expand to more than packBytesMax, `malformed` for what isn't zstd. */
export function expandPlain(compressed: Uint8Array): Uint8Array {
  try {
    const plain = zstdDecompressSync(compressed, {
      chunkSize: 256 * 1024,
      maxOutputLength: packBytesMax,
      params: { [constants.ZSTD_d_windowLogMax]: windowLogMax },
    })
    return new Uint8Array(plain.buffer, plain.byteOffset, plain.byteLength)
  } catch (thrown) {
    if ((thrown as { code?: unknown } | null)?.code === 'ERR_BUFFER_TOO_LARGE') {
      throw new HeirloomError('too-large', `a pack expands to more than ${packBytesMax} bytes`, { cause: thrown })
    }
    throw new HeirloomError('malformed', 'a pack does not expand', { cause: thrown })
  }
}
