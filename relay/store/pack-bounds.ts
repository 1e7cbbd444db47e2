// What a store refuses before it takes anything: a number or a length that the format doesn't hold.

import { HeirloomError } from '../../src/errors.ts'
import { packBytesMax, packsMax } from '../../src/limits/wire.ts'

/** Throws `too-large` for a pack number beyond packsMax or a pack beyond packBytesMax. */
export function assertPackBounds(number: number, sealed: readonly Uint8Array[]): void {
  if (!Number.isInteger(number) || number < 0 || number >= packsMax) {
    throw new HeirloomError('too-large', `pack number ${number} is not between 0 and ${packsMax - 1}`)
  }
  const bytes = sealed.reduce((sum, piece) => sum + piece.length, 0)
  if (bytes > packBytesMax) throw new HeirloomError('too-large', `pack ${number} has ${bytes} bytes, more than ${packBytesMax}`)
}
