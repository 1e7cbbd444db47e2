// The answer to a stream that isn't taken, or not any further.

import { failureFrame } from '../transfer/messages.ts'
import type { Channel } from '../wire/channel.ts'

/** Answers the other side with why not, and ends. */
export function refuse(channel: Channel, thrown: unknown): void {
  channel.send(failureFrame(thrown))
  void channel.close()
}
