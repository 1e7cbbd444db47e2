// Bytes without a structure: bits, borders, numbers at the edges, parts that are cut out, doubled, swapped or taken from another input.

import type { Draw } from '../random.ts'

const edges = [
  0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0xf_ffff, 0x10_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
]

type Change = (input: Uint8Array, draw: Draw, others: readonly Uint8Array[]) => Uint8Array

const changes: readonly Change[] = [
  (input, draw) => withByte(input, draw, (byte) => byte ^ (1 << draw.below(8))),
  (input, draw) => withByte(input, draw, () => draw.below(256)),
  (input, draw) => withByte(input, draw, (byte) => byte + draw.integer(-2, 2)),
  (input, draw) => splice(input, draw.below(input.length + 1), 0, draw.bytes(1 + draw.length(8))),
  (input, draw) => splice(input, draw.below(input.length + 1), 1 + draw.length(input.length), nothing),
  (input, draw) => input.slice(0, draw.below(input.length + 1)),
  writeEdge,
  repeatPart,
  (input, draw, others) => {
    const part = partOf(draw.pick(others), draw)
    return splice(input, draw.below(input.length + 1), draw.chance(0.5) ? part.length : 0, part)
  },
]

const nothing = new Uint8Array(0)

export function mutateBytes(input: Uint8Array, draw: Draw, others: readonly Uint8Array[]): Uint8Array {
  if (input.length === 0) return draw.bytes(draw.length(32))
  return draw.pick(changes)(input, draw, others)
}

/** `count` bytes from `at` on give way to `put`. */
export function splice(input: Uint8Array, at: number, count: number, put: Uint8Array): Uint8Array {
  const end = Math.min(input.length, at + count)
  const output = new Uint8Array(at + put.length + input.length - end)
  output.set(input.subarray(0, at))
  output.set(put, at)
  output.set(input.subarray(end), at + put.length)
  return output
}

export function partOf(input: Uint8Array, draw: Draw): Uint8Array {
  const at = draw.below(input.length + 1)
  return input.subarray(at, at + draw.length(input.length - at))
}

/** A whole number at the edge of what a field or a limit can hold, or next to one. */
export function edgeNumber(draw: Draw): number {
  return Math.max(0, draw.pick(edges) + (draw.chance(0.3) ? draw.integer(-1, 1) : 0))
}

function withByte(input: Uint8Array, draw: Draw, change: (byte: number) => number): Uint8Array {
  const output = new Uint8Array(input)
  const at = draw.below(output.length)
  output[at] = change(output[at]!)
  return output
}

function writeEdge(input: Uint8Array, draw: Draw): Uint8Array {
  const bytes = draw.pick([1, 2, 4, 8])
  if (input.length < bytes) return input
  const output = new Uint8Array(input)
  const view = new DataView(output.buffer)
  const at = draw.below(output.length - bytes + 1)
  const value = edgeNumber(draw)
  const isLittle = draw.chance(0.3)
  if (bytes === 1) view.setUint8(at, value)
  else if (bytes === 2) view.setUint16(at, value, isLittle)
  else if (bytes === 4) view.setUint32(at, value, isLittle)
  else view.setBigUint64(at, BigInt(value) << BigInt(draw.below(33)), isLittle)
  return output
}

function repeatPart(input: Uint8Array, draw: Draw): Uint8Array {
  const part = partOf(input, draw)
  if (part.length === 0) return input
  const times = 1 + draw.length(Math.min(64, Math.ceil(4096 / part.length)))
  const many = new Uint8Array(part.length * times)
  for (let at = 0; at < many.length; at += part.length) many.set(part, at)
  return splice(input, draw.below(input.length + 1), 0, many)
}
