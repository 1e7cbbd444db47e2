// What carries the packs of a transfer at the relay: the stream on which it was opened, or a data socket beside it.

import { HeirloomError } from '../src/errors.ts'
import { DataChannel } from '../src/lane/data-channel.ts'
import type { DataOfferMessage, HelloMessage } from '../src/transfer/messages.ts'
import type { Channel } from '../src/wire/channel.ts'
import type { RelayCore } from './relay-core.ts'

export type Way = 'stream' | 'socket'

/** A transfer as its session takes it over. */
export interface Carried {
  readonly channel: Channel
  /** What the welcome offers, when packs take a data socket. */
  readonly data?: DataOfferMessage
}

/** The relay lets itself be dialled and dials nobody: where an address leads from here isn't for a peer to say. */
export function carry({ data }: RelayCore, control: Channel, { role }: HelloMessage, way: Way): Carried {
  if (way === 'stream') return { channel: control }
  // A put's packs are opened by nobody here: only their tags can show that one was altered.
  const ours = data?.offer({ withKey: role === 'sends' })
  if (data === undefined || ours === undefined) throw new HeirloomError('unsupported', 'this relay takes no data sockets')
  const { clock, buffers } = data
  const channel = new DataChannel({
    control,
    role: role === 'sends' ? 'receives' : 'sends',
    ours,
    theirs: undefined,
    clock,
    buffers,
  })
  return { channel, data: ours.message }
}
