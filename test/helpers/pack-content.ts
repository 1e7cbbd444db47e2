// Content for packs that two processes can agree on without telling each other: bytes and length follow from a seed and the number.

import { createCipheriv, createHash } from 'node:crypto'

/** Pseudo-random bytes, from none to `bytesMax`. */
export function packContent(seed: number, number: number, bytesMax = 200_000): Uint8Array {
  const digest = createHash('sha256').update(`${seed} ${number}`).digest()
  const bytes = digest.readUInt32BE(28) % (bytesMax + 1)
  return createCipheriv('aes-128-ctr', digest.subarray(0, 16), Buffer.alloc(16)).update(Buffer.alloc(bytes))
}
