// The dates that metadata services write, in all their forms.

interface CloudDateOptions {
  /** Of dates that don't name their zone: minutes ahead of UTC. */
  readonly zoneMinutes?: number
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

/** `2017-09-18T08:22:00Z`, `2018-08-18 12:05:33`, with fractions of a second or an offset. */
const isoForm = /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,9})?)?\s?(Z|UTC|GMT|[+-]\d{2}:?\d{2})?$/i

/** RFC 1123 and what is left of it: `Mon, 19 Sep 2016 18:29:47 GMT`, `21 Jan 2019 09:00:43 GMT`. */
const wordForm = /^(?:[a-z]{3,9},\s?)?(\d{1,2})[ -]([a-z]{3})[ -](\d{4}) (\d{2}):(\d{2}):(\d{2})\s?(Z|UTC|GMT|[+-]\d{2}:?\d{2})?$/i

/** Wall time in ms since 1970, to the second; undefined for what is no date. Epoch seconds and milliseconds are dates, too. */
export function parseCloudDate(text: unknown, { zoneMinutes = 0 }: CloudDateOptions = {}): number | undefined {
  if (typeof text === 'number') return epoch(String(text))
  if (typeof text !== 'string' || text.length > 64) return undefined
  const trimmed = text.trim()
  const iso = isoForm.exec(trimmed)
  if (iso !== null) {
    const [, year, month, day, hour, minute, second = '0', zone] = iso
    return wall([year, month, day, hour, minute, second].map(Number), zone, zoneMinutes)
  }
  const word = wordForm.exec(trimmed)
  if (word === null) return epoch(trimmed)
  const [, day, name = '', year, hour, minute, second, zone] = word
  const month = months.indexOf(name.toLowerCase()) + 1
  return wall([year, month, day, hour, minute, second].map(Number), zone, zoneMinutes)
}

function epoch(text: string): number | undefined {
  if (/^\d{9,10}(?:\.\d{1,9})?$/.test(text)) return Math.floor(Number(text)) * 1000
  return /^\d{12,13}$/.test(text) ? Number(text) : undefined
}

function wall(parts: readonly number[], zone: string | undefined, zoneMinutes: number): number | undefined {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts
  const utcMs = Date.UTC(year, month - 1, day, hour, minute, second)
  const read = new Date(utcMs)
  // A 31st of February would silently be another day.
  if (read.getUTCMonth() + 1 !== month || read.getUTCDate() !== day || hour > 23 || minute > 59 || second > 59) return undefined
  return utcMs - (zone === undefined ? zoneMinutes : offsetOf(zone)) * 60_000
}

function offsetOf(zone: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d{2}):?(\d{2})$/.exec(zone) ?? []
  return sign === undefined ? 0 : (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes))
}
