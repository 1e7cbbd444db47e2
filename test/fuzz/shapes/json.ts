// JSON, a value a line: keys are dropped, doubled under other names, and values become those of another type or at the edge of their own.

import { mutateText } from './text.ts'
import type { Draw } from '../random.ts'

const values: readonly unknown[] = [
  null, true, false, 0, -1, 1.5, 1e308, -0, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 53 - 1, '', ' ', 'a', '0', '__proto__', '\0', '\ud800', '../..', [], {}, [[]], [null], { a: 1 }, 'x'.repeat(5000),
] // prettier-ignore

export function mutateJson(input: Uint8Array, draw: Draw, others: readonly Uint8Array[]): Uint8Array {
  const lines = Buffer.from(input).toString('utf8').split('\n')
  const at = draw.below(lines.length)
  const value = parse(lines[at]!)
  if (value === undefined || draw.chance(0.15)) return mutateText(input, draw, others)
  lines[at] = JSON.stringify(change(value, draw, 0)) ?? ''
  return Buffer.from(lines.join('\n'))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function change(value: unknown, draw: Draw, depth: number): unknown {
  if (typeof value !== 'object' || value === null || draw.chance(0.1)) return depth < 8 ? scalar(value, draw) : null
  if (Array.isArray(value)) return changeList([...(value as unknown[])], draw, depth)
  const entries = Object.entries(value)
  if (entries.length === 0) return draw.pick(values)
  const at = draw.below(entries.length)
  const [key, inner] = entries[at]!
  const kind = draw.below(6)
  if (kind === 0) entries.splice(at, 1)
  else if (kind === 1)
    entries.push([draw.pick(['__proto__', 'constructor', 'toString', '', 'x', entries[draw.below(entries.length)]![0]]), inner])
  else if (kind === 2) entries[at] = [key, draw.pick(entries)[1]]
  else entries[at] = [key, change(inner, draw, depth + 1)]
  return Object.fromEntries(entries)
}

function changeList(list: unknown[], draw: Draw, depth: number): unknown {
  if (list.length === 0) return [draw.pick(values)]
  const at = draw.below(list.length)
  const kind = draw.below(4)
  if (kind === 0) list.splice(at, 1)
  else if (kind === 1) list.push(...Array.from({ length: 1 + draw.length(20) }, () => list[at]))
  else list[at] = change(list[at], draw, depth + 1)
  return list
}

function scalar(value: unknown, draw: Draw): unknown {
  if (typeof value === 'number' && draw.chance(0.5)) return value + draw.integer(-2, 2)
  if (typeof value === 'string' && draw.chance(0.5))
    return Buffer.from(mutateText(Buffer.from(value), draw, [Buffer.from(value)])).toString()
  return draw.pick(values)
}
