// Sources get to know their state before any notice, so that at the notice only real work is left. One that can't is warned of, and asked again then.

import { asHeirloomError } from '../src/errors.ts'
import type { EventLog } from './events.ts'
import type { Source, WaitOptions } from './source/source.ts'

export interface WarmUpOptions extends WaitOptions {
  readonly events: EventLog
  readonly warn: (what: string, thrown: unknown) => void
}

/** Never throws. */
export async function warmUp(source: Source, { signal, events, warn }: WarmUpOptions): Promise<void> {
  try {
    await source.warm({ signal })
    events.emit('warmed', { source: source.name })
  } catch (thrown) {
    // The notice came first.
    if (asHeirloomError(thrown).code !== 'aborted') warn(source.name, thrown)
  }
}
