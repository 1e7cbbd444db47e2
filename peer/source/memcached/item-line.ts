// A line of `lru_crawler metadump all`: `key=NAME exp=S la=S cas=N fetch=yes|no cls=N size=N`, the name percent-encoded, times in s since 1970.

export interface ItemLine {
  /** Where the name lies in the scratch buffer that was given: from 0. */
  readonly nameBytes: number
  readonly lastAccessS: number
  readonly wasFetched: boolean
  readonly bytes: number
}

const percent = 0x25
const space = 0x20
const nameAt = 4

/** Undefined for what is no such line. Writes the name into `name`, which must be as long as the line. */
export function parseItemLine(line: Buffer, start: number, end: number, name: Buffer): ItemLine | undefined {
  if (line[start] !== 0x6b || line[start + 3] !== 0x3d) return undefined
  let at = start + nameAt
  let nameBytes = 0
  for (; at < end && line[at] !== space; at++) {
    if (line[at] !== percent) name[nameBytes++] = line[at]!
    else {
      name[nameBytes++] = Number.parseInt(line.toString('latin1', at + 1, at + 3), 16)
      at += 2
    }
  }
  const lastAccessS = numberAfter(line, ' la=', at, end)
  const bytes = numberAfter(line, ' size=', at, end)
  const fetchAt = line.indexOf(' fetch=', at, 'latin1')
  if (Number.isNaN(lastAccessS) || Number.isNaN(bytes) || fetchAt < 0 || fetchAt > end) return undefined
  return { nameBytes, lastAccessS, bytes, wasFetched: line[fetchAt + 7] === 0x79 }
}

function numberAfter(line: Buffer, label: string, from: number, end: number): number {
  const at = line.indexOf(label, from, 'latin1')
  if (at < 0 || at > end) return NaN
  let number = 0
  for (let digit = at + label.length; digit < end && line[digit] !== space; digit++) {
    const value = line[digit]! - 0x30
    if (value < 0 || value > 9) return NaN
    number = 10 * number + value
  }
  return number
}
