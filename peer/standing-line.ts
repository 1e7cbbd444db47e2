// The handoff that goes on from round to round ahead of any notice, of a whole state or of one part of it: what is complete of it, and what is begun anew
// to take its place. What was claimed while this peer counted as gone is lost to it.

import type { Clock } from '../src/clock.ts'
import { asHeirloomError } from '../src/errors.ts'
import { createHandoff } from '../src/seal/handoff-header.ts'
import { EventLog } from './events.ts'
import { headOf, type HandoffOptions } from './handoff/options.ts'
import { shipAhead } from './handoff/ship-ahead.ts'
import { Standing } from './handoff/standing.ts'
import type { Membership } from './membership.ts'

export interface StandingLineOptions {
  readonly membership: Membership
  readonly clock: Clock
  readonly events: EventLog
  readonly relay: HandoffOptions['relay']
  /** Of a divided state. */
  readonly part?: string | undefined
}

export class StandingLine {
  readonly #options: StandingLineOptions
  /** One whose first round has ended. */
  #whole: Standing | undefined
  /** One that is to take its place, or will be the first. */
  #begun: Standing | undefined

  constructor(options: StandingLineOptions) {
    this.#options = options
  }

  /** What the next round goes on with. Where most of it is out of date it is begun anew, and the old one holds until the new one does. */
  async next(): Promise<Standing> {
    const { membership, clock } = this.#options
    const goesOn = this.#begun ?? (this.#whole?.isWorn === true ? undefined : this.#whole)
    const standing = goesOn ?? new Standing(await createHandoff(headOf(membership, clock)), membership.pool.id, clock)
    if (standing !== this.#whole) this.#begun = standing
    return standing
  }

  /** One round. Answers whether it came to its end. Never throws. */
  async ship(standing: Standing, asked: HandoffOptions): Promise<boolean> {
    const { events, clock, part } = this.#options
    try {
      const startedMs = clock.monotonicMs()
      // Who watches the events waits for the handoff: of a round it learns the end.
      const isComplete = await shipAhead({ ...asked, events: new EventLog(clock), ahead: standing })
      const handoff = Buffer.from(standing.handoff.handoff).toString('hex')
      const tookMs = Math.round(clock.monotonicMs() - startedMs)
      events.emit('shipped-ahead', { handoff, ...(part !== undefined && { part }), complete: isComplete, tookMs })
      if (standing.isLost) this.#forget(standing)
      else if (isComplete && standing === this.#begun) await this.#replace(standing)
      return isComplete
    } catch (thrown) {
      events.emit('warning', { message: `sending ahead: ${asHeirloomError(thrown).message}` })
      return false
    }
  }

  /** What was sent ahead, if anything was: nothing more goes so. */
  take(): Standing | undefined {
    if (this.#whole !== undefined && this.#begun !== undefined) void this.#withdraw(this.#begun)
    return this.#whole ?? this.#begun
  }

  /** An heir has it, or a relay that is lost, and this peer begins anew. */
  #forget(standing: Standing): void {
    if (this.#whole === standing) this.#whole = undefined
    if (this.#begun === standing) this.#begun = undefined
  }

  async #replace(standing: Standing): Promise<void> {
    const old = this.#whole
    this.#whole = standing
    this.#begun = undefined
    if (old !== undefined) await this.#withdraw(old)
  }

  /** The relay needn't keep it; where it doesn't hear that, it does so until it expires. */
  async #withdraw({ handoff: { handoff } }: Standing): Promise<void> {
    const { relay } = this.#options
    await relay.request({ case: 'withdraw', value: { $typeName: 'heirloom.wire.v1.Withdraw', handoff } }).catch(() => {})
  }
}
