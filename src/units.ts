// Durations, sizes and rates as people write them, and back. Inside the program they are plain numbers whose names end in
// the unit; only what comes from a file, a flag or the environment passes through here.
//
// Invariant: parsing what a format function wrote gives the same number.

import { HeirloomError } from './errors.ts'

/** Milliseconds. */
export type Ms = number
/** Bytes. */
export type Bytes = number
export type BytesPerSecond = number

const msByUnit: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** KB is 1000 and KiB 1024 bytes, as IEC 80000-13 has it; upper and lower case are the same. */
const bytesByUnit: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  KiB: 2 ** 10,
  MB: 1e6,
  MiB: 2 ** 20,
  GB: 1e9,
  GiB: 2 ** 30,
  TB: 1e12,
  TiB: 2 ** 40,
}

const bytesByLowerUnit = new Map(Object.entries(bytesByUnit).map(([unit, bytes]) => [unit.toLowerCase(), bytes]))

const durationHint = 'write a number with ms, s, m, h or d, such as 500ms, 30s or 1h30m'
const sizeHint = 'write a number with B, KB, MB, GB, TB, KiB, MiB, GiB or TiB, such as 64KiB or 8GB'
const rateHint = 'write a size with /s, such as 100MB/s'

/** Reads `500ms`, `30s`, `2m`, `1h30m`, `0`. Throws `usage` with what was expected. */
export function parseDuration(text: string): Ms {
  const trimmed = text.trim()
  if (trimmed === '0') return 0
  const parts = [...trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)]
  const read = parts.map((part) => part[0]).join('')
  if (parts.length === 0 || read !== trimmed) {
    const hint = /^\d+(\.\d+)?$/.test(trimmed) ? `a unit is missing: did you mean ${trimmed}s?` : durationHint
    throw new HeirloomError('usage', `${quote(text)} is not a duration`, { hint })
  }
  const ms = Math.round(parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * msByUnit[unit!]!, 0))
  return safe(ms, text, 'duration')
}

/** Reads `10B`, `64KiB`, `1.5GB`, `0`. Throws `usage` with what was expected. */
export function parseSize(text: string): Bytes {
  const bytes = sizeIn(text.trim())
  if (bytes === undefined) {
    const bare = /^(\d+(?:\.\d+)?)\s*([kmgt]?)$/i.exec(text.trim())
    const unit = bare?.[2]?.toUpperCase()
    const hint =
      bare === null
        ? sizeHint
        : unit === ''
          ? `a unit is missing: did you mean ${bare[1]}MB?`
          : `write ${bare[1]}${unit}B or ${bare[1]}${unit}iB`
    throw new HeirloomError('usage', `${quote(text)} is not a size`, { hint })
  }
  return safe(bytes, text, 'size')
}

/** Reads `100MB/s`. Throws `usage` with what was expected; a rate of 0 would never end, so it is refused too. */
export function parseRate(text: string): BytesPerSecond {
  const trimmed = text.trim()
  const bytes = trimmed.endsWith('/s') ? sizeIn(trimmed.slice(0, -2)) : undefined
  if (bytes === undefined || bytes < 1) throw new HeirloomError('usage', `${quote(text)} is not a rate`, { hint: rateHint })
  return safe(bytes, text, 'rate')
}

/** The shortest exact form: `90s`, `2m`, `1500ms`. */
export function formatDuration(ms: Ms): string {
  if (ms === 0) return '0s'
  const unit = ['d', 'h', 'm', 's'].find((candidate) => ms % msByUnit[candidate]! === 0) ?? 'ms'
  return `${ms / msByUnit[unit]!}${unit}`
}

/** The shortest exact form: `64KiB`, `8GB`, `10B`. */
export function formatSize(bytes: Bytes): string {
  if (bytes === 0) return '0B'
  const exact = Object.entries(bytesByUnit).filter(([, factor]) => bytes % factor === 0)
  const [unit, factor] = exact.at(-1)!
  return `${bytes / factor}${unit}`
}

/** The shortest exact form: `100MB/s`. */
export function formatRate(bytesPerSecond: BytesPerSecond): string {
  return `${formatSize(bytesPerSecond)}/s`
}

/** For people, rounded: `812 ms`, `3.4 s`, `2 m 5 s`, `6 h 0 m`. */
export function humanDuration(ms: Ms): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${seconds % 60} s`
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} m`
}

/** For people, rounded to three digits, decimal units: `1.07 GB`. */
export function humanSize(bytes: Bytes): string {
  const unit = ['TB', 'GB', 'MB', 'KB'].find((candidate) => bytes >= 0.9995 * bytesByUnit[candidate]!)
  if (unit === undefined) return `${Math.round(bytes)} B`
  const amount = bytes / bytesByUnit[unit]!
  return `${amount >= 99.95 ? Math.round(amount) : amount.toFixed(amount >= 9.995 ? 1 : 2)} ${unit}`
}

/** For people: `312 MB/s`. */
export function humanRate(bytesPerSecond: BytesPerSecond): string {
  return `${humanSize(bytesPerSecond)}/s`
}

function sizeIn(text: string): Bytes | undefined {
  if (text === '0') return 0
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/i.exec(text)
  const factor = match === null ? undefined : bytesByLowerUnit.get(match[2]!.toLowerCase())
  return factor === undefined ? undefined : Math.round(Number(match![1]) * factor)
}

function safe(value: number, text: string, what: string): number {
  if (Number.isSafeInteger(value)) return value
  throw new HeirloomError('usage', `${quote(text)} is too large for a ${what}`)
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
}
