// Keys in meta commands: as they are, or in base64 (flag `b`) where they aren't plain text.

/** The key as a command has it, and the flag that says so. */
export function writtenKey(key: Buffer): string {
  for (const byte of key) if (byte <= 0x20 || byte >= 0x7f) return `${key.toString('base64')} b`
  return key.toString('latin1')
}

/** The same in two: what stands before the length of a value, and what after it. */
export function writtenKeyParts(key: Buffer): readonly [key: string, flag: string] {
  const [text = '', flag] = writtenKey(key).split(' ')
  return [text, flag === undefined ? '' : ` ${flag}`]
}
