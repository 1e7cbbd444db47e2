// The answer to a stream that this peer won't take.

import { failureFrame } from '../../src/transfer/messages.ts'
import type { Channel } from '../../src/wire/channel.ts'

/** Answers an opener with why not, and ends. */
export function refuse(channel: Channel, thrown: unknown): void {
  channel.send(failureFrame(thrown))
  void channel.close()
}
