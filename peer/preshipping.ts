// Sends state ahead of any notice (policy.preship): in rounds, at a low rate, into a handoff that nobody may claim while this peer lives; of a divided
// state into one for each part. The notice takes them over.

import { delay, type Clock } from '../src/clock.ts'
import { Deadline } from '../src/deadline.ts'
import { asHeirloomError, HeirloomError } from '../src/errors.ts'
import { preshipRoundMs } from '../src/limits/preship.ts'
import { retryMaxMs } from '../src/limits/link.ts'
import { criteriaOf } from '../src/plan/manifest.ts'
import type { PeerConfig } from './config/schema.ts'
import { Allowance } from './handoff/allowance.ts'
import { limitsOf, type HandoffOptions } from './handoff/options.ts'
import { handOff } from './handoff/predecessor.ts'
import type { Standing } from './handoff/standing.ts'
import type { Partition } from './split/partition.ts'
import { sourcesOfParts } from './split/part-sources.ts'
import { StandingLine } from './standing-line.ts'

export interface PreshippingOptions extends Omit<
  HandoffOptions,
  'reason' | 'deadlineMs' | 'deadline' | 'ahead' | 'allowance' | 'onProgress' | 'draft'
> {
  readonly clock: Clock
  /** Undefined: a round only when `hint` is called. */
  readonly everyMs: number | undefined
  /** Of a divided state. */
  readonly partition?: Partition | undefined
}

export class Preshipping {
  readonly #options: PreshippingOptions
  readonly #stop = new AbortController()
  /** By part; of a state that isn't divided one. */
  readonly #lines: readonly StandingLine[]
  #rounds: Promise<unknown> = Promise.resolve()
  #deadline: Deadline | undefined

  constructor(options: PreshippingOptions) {
    this.#options = options
    const parts = options.partition?.parts ?? [undefined]
    this.#lines = parts.map((part) => new StandingLine({ ...options, part }))
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

  /** The notice: no round goes on. Answers what was sent ahead, by part. */
  async take(): Promise<readonly (Standing | undefined)[]> {
    this.#halt()
    await this.#rounds
    return this.#lines.map((line) => line.take())
  }

  #halt(): void {
    this.#stop.abort(new HeirloomError('aborted', 'nothing goes ahead any more'))
    this.#deadline?.moveTo(this.#options.clock.monotonicMs())
  }

  async #round(bytesPerSecondMax?: number): Promise<boolean> {
    if (this.#stop.signal.aborted) return false
    const { everyMs: _, partition, ...options } = this.#options
    const { clock, limits, sources, events } = options
    try {
      const standing = await Promise.all(this.#lines.map((line) => line.next()))
      const deadline = (this.#deadline = Deadline.after(clock, preshipRoundMs))
      if (this.#stop.signal.aborted) return false
      const asked = {
        ...options,
        limits: { ...limits, rateBytesPerSecondMax: bytesPerSecondMax ?? limits.rateBytesPerSecondMax },
        reason: 'ahead of any notice',
        deadlineMs: preshipRoundMs,
        deadline,
      }
      const allowance = new Allowance(asked, this.#lines.length)
      const divided = partition && sourcesOfParts(sources, partition)
      // All in one turn, so that each source is asked once for all.
      const shipping = this.#lines.map((line, index) =>
        line.ship(standing[index]!, {
          ...asked,
          allowance,
          sources: divided?.[index] ?? sources,
          wish: { ...asked.wish, part: partition?.parts[index] },
        }),
      )
      return (await Promise.all(shipping)).every(Boolean)
    } catch (thrown) {
      events.emit('warning', { message: `sending ahead: ${asHeirloomError(thrown).message}` })
      return false
    }
  }
}

/** The handoff of a notice. What was sent ahead may turn out to be an heir's already: then all of it goes anew. */
export async function handOffAfter(options: HandoffOptions, ahead: Standing | undefined): ReturnType<typeof handOff> {
  try {
    return await handOff({ ...options, ahead })
  } catch (thrown) {
    if (ahead?.isLost !== true) throw thrown
    const leftMs = options.deadline?.leftMs ?? options.deadlineMs
    return await handOff({ ...options, deadlineMs: leftMs })
  }
}
