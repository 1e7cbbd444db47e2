// Sends state ahead of any notice (policy.preship): in rounds, at a low rate, into a handoff that nobody may claim while this peer lives. The
// notice takes it over. What was claimed while this peer counted as gone is lost to it: it begins anew.

import { delay, type Clock } from '../src/clock.ts'
import { Deadline } from '../src/deadline.ts'
import { asHeirloomError, HeirloomError } from '../src/errors.ts'
import { preshipRoundMs } from '../src/limits/preship.ts'
import { retryMaxMs } from '../src/limits/link.ts'
import { createHandoff } from '../src/seal/handoff-header.ts'
import { criteriaOf } from '../src/plan/manifest.ts'
import { EventLog } from './events.ts'
import type { PeerConfig } from './config/schema.ts'
import { headOf, limitsOf, type HandoffOptions } from './handoff/options.ts'
import { handOff } from './handoff/predecessor.ts'
import { shipAhead } from './handoff/ship-ahead.ts'
import { Standing } from './handoff/standing.ts'

export interface PreshippingOptions extends Omit<HandoffOptions, 'reason' | 'deadlineMs' | 'deadline' | 'ahead' | 'onProgress' | 'draft'> {
  readonly clock: Clock
  /** Undefined: a round only when `hint` is called. */
  readonly everyMs: number | undefined
}

export class Preshipping {
  readonly #options: PreshippingOptions
  readonly #stop = new AbortController()
  /** One whose first round has ended. */
  #whole: Standing | undefined
  /** One that is to take its place, or will be the first. */
  #begun: Standing | undefined
  #rounds: Promise<unknown> = Promise.resolve()
  #deadline: Deadline | undefined

  constructor(options: PreshippingOptions) {
    this.#options = options
  }

  static of({ policy, sources }: PeerConfig, options: Omit<PreshippingOptions, 'everyMs' | 'limits' | 'criteria'>): Preshipping {
    const { everyMs, rateBytesPerSecond } = policy.preship
    const limits = { ...limitsOf(policy), lanes: ['store'] as const, reserveMs: 0, rateBytesPerSecondMax: rateBytesPerSecond }
    return new Preshipping({ ...options, everyMs, limits, criteria: criteriaOf(sources) })
  }

  /** Ships every so often until it is stopped. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const { everyMs, clock, relay } = this.#options
    const either = AbortSignal.any([signal, this.#stop.signal])
    signal.addEventListener('abort', () => this.#halt(), { once: true })
    while (everyMs !== undefined && !either.aborted) {
      const isShipped = relay.address !== undefined && (await this.hint())
      await delay(clock, isShipped || relay.address === undefined ? everyMs : Math.min(everyMs, retryMaxMs), either).catch(() => {})
    }
    await this.#rounds
  }

  /** One round now, after one that is under way, perhaps at another rate. Answers whether it came to its end. */
  hint(bytesPerSecondMax?: number): Promise<boolean> {
    const round = this.#rounds.then(() => this.#round(bytesPerSecondMax))
    this.#rounds = round
    return round
  }

  /** The notice: no round goes on. Answers what was sent ahead, if anything was. */
  async take(): Promise<Standing | undefined> {
    this.#halt()
    await this.#rounds
    const standing = this.#whole ?? this.#begun
    if (this.#whole !== undefined && this.#begun !== undefined) void this.#withdraw(this.#begun)
    return standing
  }

  #halt(): void {
    this.#stop.abort(new HeirloomError('aborted', 'nothing goes ahead any more'))
    this.#deadline?.moveTo(this.#options.clock.monotonicMs())
  }

  async #round(bytesPerSecondMax?: number): Promise<boolean> {
    if (this.#stop.signal.aborted) return false
    const { events, clock, membership } = this.#options
    try {
      // Where most of it is out of date it is begun anew, and the old one holds until the new one does.
      const goesOn = this.#begun ?? (this.#whole?.isWorn === true ? undefined : this.#whole)
      const standing = goesOn ?? new Standing(await createHandoff(headOf(membership, clock)), membership.pool.id, clock)
      if (standing !== this.#whole) this.#begun = standing
      const startedMs = clock.monotonicMs()
      const isComplete = await this.#ship(standing, bytesPerSecondMax)
      const handoff = Buffer.from(standing.handoff.handoff).toString('hex')
      events.emit('shipped-ahead', { handoff, complete: isComplete, tookMs: Math.round(clock.monotonicMs() - startedMs) })
      if (standing.isFenced || standing.isElsewhere) this.#forget(standing)
      else if (isComplete && standing === this.#begun) await this.#replace(standing)
      return isComplete
    } catch (thrown) {
      events.emit('warning', { message: `sending ahead: ${asHeirloomError(thrown).message}` })
      return false
    }
  }

  /** An heir has it, or a relay that is lost, and this peer begins anew. */
  #forget(standing: Standing): void {
    if (this.#whole === standing) this.#whole = undefined
    if (this.#begun === standing) this.#begun = undefined
  }

  async #ship(ahead: Standing, bytesPerSecondMax?: number): Promise<boolean> {
    const { everyMs: _, ...options } = this.#options
    const { clock, limits } = options
    const deadline = (this.#deadline = Deadline.after(clock, preshipRoundMs))
    if (this.#stop.signal.aborted) return false
    const rateBytesPerSecondMax = bytesPerSecondMax ?? limits.rateBytesPerSecondMax
    const asked = {
      ...options,
      limits: { ...limits, rateBytesPerSecondMax },
      reason: 'ahead of any notice',
      deadlineMs: preshipRoundMs,
      deadline,
    }
    // Who watches the events waits for the handoff: of a round it learns the end.
    return await shipAhead({ ...asked, events: new EventLog(clock), ahead })
  }

  async #replace(standing: Standing): Promise<void> {
    const old = this.#whole
    this.#whole = standing
    this.#begun = undefined
    if (old !== undefined) await this.#withdraw(old)
  }

  /** The relay needn't keep it; where it doesn't hear that, it does so until it expires. */
  async #withdraw({ handoff: { handoff } }: Standing): Promise<void> {
    await this.#options.relay.request({ case: 'withdraw', value: { $typeName: 'heirloom.wire.v1.Withdraw', handoff } }).catch(() => {})
  }
}

/** The handoff of a notice. What was sent ahead may turn out to be an heir's already: then all of it goes anew. */
export async function handOffAfter(options: HandoffOptions, ahead: Standing | undefined): ReturnType<typeof handOff> {
  try {
    return await handOff({ ...options, ahead })
  } catch (thrown) {
    if (ahead?.isFenced !== true && ahead?.isElsewhere !== true) throw thrown
    const leftMs = options.deadline?.leftMs ?? options.deadlineMs
    return await handOff({ ...options, deadlineMs: leftMs })
  }
}
