// Text: words and numbers change places, numbers go to their edges, lines come twice, and at times a word is one that parsers stumble over.

import { mutateBytes } from './bytes.ts'
import type { Draw } from '../random.ts'

const odd = [
  '', ' ', '\n', '\r\n', '\t', '\0', '"', "'", '\\', '/', '//', '..', '../', '-', '+', ',', ':', '=', '&', '*', '%00', '%', '#', '{', '}', '[', ']', '|', '>',
  '__proto__', 'constructor', 'null', 'true', 'NaN', 'Infinity', '-Infinity', '1e999', '0x10', '1_000', '٣', 'é', '\u2028', '\ufeff', '\ud83d\ude00',
] as const // prettier-ignore

const numbers = ['0', '-1', '1', '255', '256', '65535', '65536', '2147483647', '4294967295', '4294967296', '9007199254740991', '9007199254740993', '18446744073709551616', '1e308', '0.1', '007'] // prettier-ignore

export function mutateText(input: Uint8Array, draw: Draw, others: readonly Uint8Array[]): Uint8Array {
  // The pieces joined are the text again.
  const pieces =
    Buffer.from(input)
      .toString('utf8')
      .match(/\d+|[A-Za-z_]+|\s+|[^\dA-Za-z_\s]/g) ?? []
  if (pieces.length === 0) return Buffer.from(draw.pick(odd))
  const at = draw.below(pieces.length)
  const kind = draw.below(8)
  if (kind === 0) pieces.splice(at, 1 + draw.length(4))
  else if (kind === 1) pieces.splice(at, 0, ...pieces.slice(at, at + 1 + draw.length(20)))
  else if (kind === 2) pieces[at] = draw.pick(odd)
  else if (kind === 3) pieces.splice(at, 0, draw.pick(odd))
  else if (kind === 4) pieces[at] = draw.pick(pieces)
  else if (kind === 5) return repeatLine(input, draw)
  else if (kind === 6) return mutateBytes(input, draw, others)
  else {
    const places = pieces.flatMap((piece, index) => (/^\d/.test(piece) ? [index] : []))
    if (places.length > 0) pieces[draw.pick(places)] = draw.pick(numbers)
  }
  return Buffer.from(pieces.join(''))
}

function repeatLine(input: Uint8Array, draw: Draw): Uint8Array {
  const lines = Buffer.from(input).toString('utf8').split('\n')
  const at = draw.below(lines.length)
  lines.splice(draw.below(lines.length + 1), draw.below(2), ...Array.from({ length: 1 + draw.length(6) }, () => lines[at]!))
  return Buffer.from(lines.join('\n'))
}
