// A line of `lru_crawler metadump all`: `key=NAME exp=S la=S cas=N fetch=yes|no cls=N size=N`, the name percent-encoded, times in s since 1970.
// Read byte by byte into one place: there is a line for each of millions of items.

export interface ItemLine {
  /** Where the name lies in the scratch buffer that was given: from 0. */
  nameBytes: number
  lastAccessS: number
  wasFetched: boolean
  bytes: number
}

const percent = 0x25
const space = 0x20
const equals = 0x3d
const nameAt = 4

/** Reads a line into `item`, and its name into `name`, which must be as long as the line; false for what is no such line. */
export function parseItemLine(line: Buffer, start: number, end: number, name: Buffer, item: ItemLine): boolean {
  if (line[start] !== 0x6b || line[start + 3] !== equals) return false
  let at = start + nameAt
  let nameBytes = 0
  for (; at < end && line[at] !== space; at++) {
    if (line[at] !== percent) name[nameBytes++] = line[at]!
    else {
      name[nameBytes++] = 16 * hexDigit(line[at + 1]!) + hexDigit(line[at + 2]!)
      at += 2
    }
  }
  item.nameBytes = nameBytes
  item.lastAccessS = item.bytes = NaN
  let hasFetch = false
  for (; at < end; at++) {
    if (line[at] !== space) continue
    // ` la=`, ` size=`, ` fetch=`: no other field begins so.
    const first = line[at + 1]
    if (first === 0x6c) item.lastAccessS = numberIn(line, at + 4, end)
    else if (first === 0x73) item.bytes = numberIn(line, at + 6, end)
    else if (first === 0x66) {
      item.wasFetched = line[at + 7] === 0x79
      hasFetch = true
    }
  }
  return hasFetch && item.lastAccessS >= 0 && item.bytes >= 0
}

function hexDigit(byte: number): number {
  return byte <= 0x39 ? byte - 0x30 : (byte & 0xdf) - 0x37
}

/** NaN for what is no number. */
function numberIn(line: Buffer, start: number, end: number): number {
  let number = 0
  let at = start
  for (; at < end && line[at] !== space; at++) {
    const value = line[at]! - 0x30
    if (value < 0 || value > 9) return NaN
    number = 10 * number + value
  }
  return at === start ? NaN : number
}
