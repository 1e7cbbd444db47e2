// What a broken data transfer says about the way without a data socket.

import type { ErrorCode, HeirloomError } from '../errors.ts'

/** What a stream can't fail with for the same reason: here the socket, or whoever meddled with it, may be to blame. */
const ofSockets: ReadonlySet<ErrorCode> = new Set(['malformed', 'too-large', 'unauthorised', 'unsupported', 'timeout'])

/** Whether the next attempt should go by a stream alone. A link that broke after packs had gone over it may break as well without a socket. */
export function shouldAvoidSockets({ code }: HeirloomError, packsMoved: boolean): boolean {
  return ofSockets.has(code) || (code === 'link-lost' && !packsMoved)
}
