// Protobuf messages: fields are dropped, doubled, moved, given other numbers, wire types and values, and what is inside of one is changed alike.

import { mutateBytes, edgeNumber } from './bytes.ts'
import type { Draw } from '../random.ts'

interface Field {
  readonly tag: number
  /** Of a varint and of fixed numbers: the value's own bytes. Of a span: what is inside, without its length. */
  readonly value: Uint8Array
}

const deepMax = 4

export function mutateMessage(input: Uint8Array, draw: Draw, others: readonly Uint8Array[]): Uint8Array {
  return changeMessage(input, draw, others, 0)
}

function changeMessage(input: Uint8Array, draw: Draw, others: readonly Uint8Array[], depth: number): Uint8Array {
  const fields = parse(input)
  if (fields === undefined || fields.length === 0) return mutateBytes(input, draw, others)
  const at = draw.below(fields.length)
  const field = fields[at]!
  const kind = draw.below(9)
  if (kind === 0) fields.splice(at, 1)
  else if (kind === 1) fields.splice(draw.below(fields.length + 1), 0, ...Array.from({ length: 1 + draw.length(40) }, () => field))
  else if (kind === 2) fields[at] = { tag: draw.below(16 * 8), value: field.value }
  else if (kind === 3) fields[at] = { tag: (field.tag & ~7) | draw.below(8), value: field.value }
  else if (kind === 4) {
    const donors = parse(draw.pick(others))
    if (donors !== undefined && donors.length > 0) fields.splice(draw.below(fields.length + 1), 0, draw.pick(donors))
  } else fields[at] = { tag: field.tag, value: changeValue(field, draw, others, depth) }
  return Buffer.concat(fields.flatMap(written))
}

function changeValue({ tag, value }: Field, draw: Draw, others: readonly Uint8Array[], depth: number): Uint8Array {
  const type = tag & 7
  if (type === 0) return draw.chance(0.1) ? draw.bytes(11).map((byte) => byte | 0x80) : varint(bigEdge(draw))
  if (type !== 2) return draw.bytes(value.length)
  if (depth < deepMax && draw.chance(0.6)) return changeMessage(value, draw, others, depth + 1)
  return mutateBytes(value, draw, others)
}

function bigEdge(draw: Draw): bigint {
  if (draw.chance(0.4)) return BigInt(draw.below(300))
  return BigInt.asUintN(64, BigInt(edgeNumber(draw)) << BigInt(draw.chance(0.3) ? draw.below(40) : 0))
}

function written({ tag, value }: Field): Uint8Array[] {
  const head = varint(BigInt(tag))
  return (tag & 7) === 2 ? [head, varint(BigInt(value.length)), value] : [head, value]
}

export function varint(value: bigint): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  bytes.push(Number(rest))
  return Uint8Array.from(bytes)
}

/** The fields, or undefined for what is no message. */
function parse(input: Uint8Array): Field[] | undefined {
  const fields: Field[] = []
  let at = 0
  const number = () => {
    let value = 0
    for (let shift = 0; at < input.length && shift < 35; shift += 7) {
      const byte = input[at++]!
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    return undefined
  }
  while (at < input.length) {
    const tag = number()
    if (tag === undefined || tag < 8) return undefined
    const type = tag & 7
    const start = at
    let length: number | undefined
    if (type === 0) {
      while (at < input.length && input[at]! >= 0x80) at++
      length = at + 1 - start
      at = start
    } else if (type === 1) length = 8
    else if (type === 5) length = 4
    else if (type === 2) length = number()
    if (length === undefined || at + length > input.length) return undefined
    fields.push({ tag, value: input.subarray(at, at + length) })
    at += length
  }
  return fields
}
