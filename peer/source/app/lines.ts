// Bytes to lines. A line that is too long costs itself only: it is dropped as it comes, and the next one is read.

/** The lines of a body, a batch for every piece that ends one. `onTooLong` is called for each line over `lineBytesMax` bytes, which is left out. */
export async function* linesOf(body: AsyncIterable<Uint8Array>, lineBytesMax: number, onTooLong: () => void): AsyncGenerator<string[]> {
  let held: Uint8Array[] = []
  let heldBytes = 0
  const endLine = (lines: string[]) => {
    if (heldBytes > lineBytesMax) onTooLong()
    else lines.push(Buffer.concat(held).toString('utf8'))
    held = []
    heldBytes = 0
  }
  const hold = (bytes: Uint8Array) => {
    heldBytes += bytes.byteLength
    // Of a line that is too long nothing need be kept.
    if (heldBytes > lineBytesMax) held = []
    else if (bytes.byteLength > 0) held.push(bytes)
  }
  for await (const piece of body) {
    const lines: string[] = []
    let at = 0
    for (let end = piece.indexOf(0x0a); end >= 0; end = piece.indexOf(0x0a, at)) {
      hold(piece.subarray(at, end))
      endLine(lines)
      at = end + 1
    }
    hold(piece.subarray(at))
    if (lines.length > 0) yield lines
  }
  if (heldBytes === 0) return
  const last: string[] = []
  endLine(last)
  yield last
}
