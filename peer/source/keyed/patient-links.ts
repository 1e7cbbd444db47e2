// The connections to a server, one a database, opened when they are needed and opened again when they broke.

import { delay, systemClock } from '../../../src/clock.ts'
import { asHeirloomError, HeirloomError } from '../../../src/errors.ts'
import { serverRetryMs } from '../../../src/limits/keyed.ts'
import type { WaitOptions } from '../source.ts'

export interface PatientOptions extends WaitOptions {
  /** How long a server that isn't there, or is still loading its data, is waited for. */
  readonly patienceMs?: number
}

interface Link extends Disposable {
  readonly isOpen: boolean
}

export class PatientLinks<Kind extends Link> implements Disposable {
  readonly #open: (database: number, signal: AbortSignal) => Promise<Kind>
  readonly #links = new Map<number, Promise<Kind>>()
  #isOver = false

  constructor(open: (database: number, signal: AbortSignal) => Promise<Kind>) {
    this.#open = open
  }

  /** Throws what opening throws, when patience is over or can't help. */
  async link(database: number, { signal, patienceMs = 0 }: PatientOptions): Promise<Kind> {
    const endsMs = systemClock.monotonicMs() + patienceMs
    for (;;) {
      if (this.#isOver) throw new HeirloomError('aborted', 'the source is closed')
      try {
        return await this.#current(database, signal)
      } catch (thrown) {
        signal.throwIfAborted()
        if (!isPassing(asHeirloomError(thrown)) || systemClock.monotonicMs() >= endsMs) throw thrown
        await delay(systemClock, serverRetryMs, signal)
      }
    }
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    for (const link of this.#links.values()) link.then((open) => open[Symbol.dispose]()).catch(() => {})
    this.#links.clear()
  }

  /** The connection that is open or being opened, whoever began with it. */
  async #current(database: number, signal: AbortSignal): Promise<Kind> {
    const known = this.#links.get(database)
    const link = await known?.catch(() => undefined)
    if (link?.isOpen === true) return link
    if (this.#links.get(database) === known) this.#links.set(database, this.#open(database, signal))
    return this.#links.get(database)!
  }
}

/** Whether the same may work in a moment: nobody answers yet, or the server is busy loading, or it broke off. */
export function isPassing({ code }: HeirloomError): boolean {
  return code === 'source-failed' || code === 'busy' || code === 'link-lost'
}
