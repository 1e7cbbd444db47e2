// Redis Cluster's slots (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/, "Key distribution model"): CRC16 of the key, or of
// its hash tag, modulo 16384. Clients that divide keys among servers by themselves go by it, too.

export const redisSlots = 16_384

const braceOpen = 0x7b
const braceClose = 0x7d

/** CRC-16/XMODEM: polynomial 0x1021, by byte. */
const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
  return crc
})

export function redisSlot(key: Uint8Array): number {
  const tag = hashTag(key) ?? key
  let crc = 0
  for (let at = 0; at < tag.length; at++) crc = ((crc << 8) & 0xffff) ^ table[(crc >> 8) ^ tag[at]!]!
  return crc % redisSlots
}

/** What stands in the first braces of a key, if they close and aren't empty: keys with the same tag belong together. */
export function hashTag(key: Uint8Array): Uint8Array | undefined {
  const open = key.indexOf(braceOpen)
  const close = open < 0 ? -1 : key.indexOf(braceClose, open + 1)
  return close > open + 1 ? key.subarray(open + 1, close) : undefined
}
