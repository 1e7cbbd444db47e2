// The port between the protocol and whatever carries its frames: a libp2p stream, a data socket, or a test's pair.
// A channel holds no credit of its own: the protocol bounds what is in flight.

import type { Frame, FrameGate } from './frame.ts'

export interface Channel {
  /** The peer id of the other side, in text form, as the link has proved it. */
  readonly remotePeer: string
  /** The host at the other end of the link, as one can dial it; undefined when it isn't known, or isn't theirs. */
  readonly remoteHost: string | undefined
  /** Whether the link leads through a relay. */
  readonly isRelayed?: boolean
  /**
   * Queues a frame. False says that the transport is full: wait for `drained` before the next bulk frame.
   * After the channel has closed it does nothing and answers true; the closing is told by `closed`.
   */
  send(frame: Frame): boolean
  /** Calls `free` once nothing of the body of a frame that was sent is being written any more. Without it that holds at once. */
  letGo?(body: Frame['body'], free: () => void): void
  /** Resolves when the transport takes more, or when the channel closes. */
  drained(): Promise<void>
  /**
   * Called with each whole frame, in order, never before it was set and never after `closed`. What arrives earlier is kept, within the
   * sender's credit. Throwing from it aborts the channel with that error.
   */
  onFrame(handler: (frame: Frame) => void): void
  /**
   * From the next frame on, asks before memory is taken for a body, and reads nothing while it has to wait. A transport without it brings what the
   * sender's credit lets it.
   */
  gate?(gate: FrameGate): void
  /** Keeps frames again until the next `onFrame`: for the pause between a greeting and what handles the rest. */
  hold(): void
  /** Resolves once, when the channel is over: with undefined after a clean end, else with why. */
  readonly closed: Promise<Error | undefined>
  /** Sends what is queued, then ends. */
  close(): Promise<void>
  /** Drops what is queued and ends. */
  abort(error: Error): void
}
