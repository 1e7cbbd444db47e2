// Division by content: borders lie where the bytes themselves say so, so that an insertion moves only the borders near it. A gear hash with two
// masks, as in FastCDC (Xia et al., "FastCDC: a Fast and Efficient Content-Defined Chunking Approach for Data Deduplication", USENIX ATC 2016).

/** A chunk is between a quarter of the target and twice the target long. */
const minShare = 0.25
const maxShare = 2

/** For each byte a number that has nothing to do with it; the same in every version, or borders would move with an update. */
const gear = Uint32Array.from({ length: 256 }, (_, byte) => {
  let mixed = Math.imul(byte + 1, 0x9e3779b1)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca77)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae3d)
  return mixed ^ (mixed >>> 16)
})

/**
 * The length of the chunk at the start of `bytes`, or undefined when its end isn't in them: then it goes on in what follows, or ends with it.
 * `targetBytes` is what chunks are long on average, at least 256.
 */
export function cutLength(bytes: Uint8Array, targetBytes: number): number | undefined {
  const most = Math.floor(maxShare * targetBytes)
  const end = Math.min(bytes.byteLength, most)
  const bits = Math.round(Math.log2(targetBytes))
  // Harder before the target and easier after it: lengths stay closer to the target than with one mask.
  const hard = highBits(bits + 1)
  const easy = highBits(bits - 2)
  let hash = 0
  for (let at = Math.floor(minShare * targetBytes); at < end; at++) {
    hash = ((hash << 1) + gear[bytes[at]!]!) | 0
    if ((hash & (at < targetBytes ? hard : easy)) === 0) return at + 1
  }
  return bytes.byteLength >= most ? most : undefined
}

/** The upper bits of the hash have seen the most bytes. */
function highBits(count: number): number {
  const bits = Math.min(30, Math.max(1, count))
  return (2 ** bits - 1) << (32 - bits)
}
