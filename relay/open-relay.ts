// A relay inside another program.

import type { HeirloomError } from '../src/errors.ts'
import { loadRelayConfig, type RelaySettings } from './config.ts'
import { serveRelay, type ServedRelay } from './serve.ts'

export interface OpenRelayOptions {
  /** Told of what went wrong and was survived: a torn segment, a disk that is full. */
  readonly onWarning?: (warning: HeirloomError) => void
}

/**
 * Opens a relay; `store` is required, relative paths count from the working directory. Disposing it drains it: what is being written
 * becomes durable. Throws ConfigError with every mistake (code `config`), and `io` when the store can't be opened.
 */
export async function openRelay(settings: RelaySettings, { onWarning = () => {} }: OpenRelayOptions = {}): Promise<ServedRelay> {
  return serveRelay(await loadRelayConfig(undefined, settings), onWarning)
}
