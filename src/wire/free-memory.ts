// Gives the memory of packs back at once. Garbage collection would do it in the end, but it looks at small objects, and what hangs on
// them may be a hundred times as large: between two of its rounds the packs of seconds gather.

/** Below this size a piece is left to the garbage collector. */
const worthBytes = 16 * 1024

/**
 * Frees the pieces that have their memory for themselves. Only for whoever owns them, when nobody reads them any more, and no write of them is
 * under way: afterwards they are empty.
 */
export function freeMemory(pieces: readonly Uint8Array[]): void {
  for (const { buffer, byteLength } of pieces) {
    if (byteLength >= worthBytes && byteLength === buffer.byteLength && buffer instanceof ArrayBuffer) buffer.transfer(0)
  }
}
