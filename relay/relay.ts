// A relay without a transport: it is given stores and channels. What runs it as a process is serve.ts; what embeds it, or simulates
// it, does the same with less.

import type { Channel } from '../src/wire/channel.ts'
import { ControlSession } from './control-session.ts'
import { RelayCore, type RelayCoreOptions } from './relay-core.ts'
import { startSweeper } from './sweeper.ts'
import { acceptTransfer } from './transfer-session.ts'

export interface Relay extends AsyncDisposable {
  readonly core: RelayCore
  /** Takes over a channel of the control protocol. */
  acceptControl(channel: Channel): void
  /** Takes over a channel of the transfer protocol. */
  acceptTransfer(channel: Channel): void
  /** Takes over a channel of the data protocol. Refused without a data port. */
  acceptData(channel: Channel): void
  /**
   * Refuses what is new with `draining`, lets what has arrived become durable and be acknowledged, and ends all links. Resolves early
   * when the signal is aborted. Dispose afterwards.
   */
  drain(options: { signal: AbortSignal }): Promise<void>
}

/** The stores stay the caller's: dispose them after the relay. */
export function createRelay(options: RelayCoreOptions): Relay {
  const core = new RelayCore(options)
  const sweeper = startSweeper(core)
  core.tick()
  return {
    core,
    acceptControl: (channel) => void new ControlSession(core, channel),
    acceptTransfer: (channel) => acceptTransfer(core, channel, 'stream'),
    acceptData: (channel) => acceptTransfer(core, channel, 'socket'),
    async drain({ signal }) {
      core.draining = true
      const aborted = Promise.withResolvers<void>()
      if (signal.aborted) aborted.resolve()
      else signal.addEventListener('abort', () => aborted.resolve(), { once: true })
      await Promise.race([core.transfers.drain().then(() => core.settled()), aborted.promise])
      core.closeSessions()
    },
    async [Symbol.asyncDispose]() {
      sweeper[Symbol.dispose]()
      core.draining = true
      core.closeSessions()
      await core.settled()
    },
  }
}
