// Giving back the memory of what was sent.

import type { Channel } from './channel.ts'

/** Frees what was sent on a channel and was acknowledged: at once, or when the channel has done with it, should that have been acknowledged too early. */
export function freeSent(channel: Channel, pieces: readonly Uint8Array[], free: () => void): void {
  if (channel.letGo === undefined) free()
  else channel.letGo(pieces, free)
}
