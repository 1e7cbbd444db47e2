// What an application may ask for while its state is still coming, and who is told that it has come: chunks ahead of their turn, misses for its
// origin, the service manager.

import type { Clock } from '../src/clock.ts'
import { HeirloomError } from '../src/errors.ts'
import type { PeerConfig } from './config/schema.ts'
import { DemandDesk, type DemandQuery } from './demand-desk.ts'
import type { EventLog } from './events.ts'
import type { DemandOutcome, Demands } from './inherit/demands.ts'
import { MissBudget, type Grant } from './miss-budget.ts'
import { ServiceManager } from './service-manager.ts'

export interface WarmingOptions {
  readonly config: PeerConfig
  readonly clock: Clock
  readonly events: EventLog
  readonly env: Readonly<Record<string, string | undefined>>
}

export class Warming {
  readonly #config: PeerConfig
  readonly #desk: DemandDesk
  readonly #misses: MissBudget
  readonly #service: ServiceManager

  constructor({ config, clock, events, env }: WarmingOptions) {
    this.#config = config
    this.#desk = new DemandDesk(clock)
    this.#misses = new MissBudget(clock, config.policy.misses)
    this.#service = new ServiceManager({ env, onFailed: (message) => events.emit('warning', { message }) })
  }

  /** An inheritance has begun. */
  opened(demands: Demands): void {
    this.#desk.opened(demands)
  }

  /** Nothing is inherited, now or soon. */
  settle(): void {
    this.#desk.settle()
  }

  ready(why: string): void {
    this.#service.tell('ready', why)
  }

  /** The VM is going. */
  stop(reason: string): void {
    this.#service.tell('stopping', `handing off: ${reason}`)
    this.#desk.settle()
  }

  /** Resolves when the service manager has been told all. */
  told(): Promise<void> {
    return this.#service.settled()
  }

  /** Fetches chunks ahead of their turn. Throws `not-found` for a source that the manifest doesn't have, `busy` when too much is waited for. */
  async demand(
    { source, ids, withinMs }: Omit<DemandQuery, 'withinMs'> & { withinMs?: number },
    signal: AbortSignal,
  ): Promise<DemandOutcome> {
    const { sources, policy } = this.#config
    if (!sources.some(({ name }) => name === source)) throw new HeirloomError('not-found', `there is no source named ${source}`)
    return await this.#desk.ask({ source, ids, withinMs: withinMs ?? policy.demandWithinMs }, signal)
  }

  /** How many of so many misses may go to the origin. */
  takeMisses(misses: number): Grant {
    return this.#misses.take(misses)
  }
}
