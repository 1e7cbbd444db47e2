// `heirloom/relay`: a relay inside another program. Everything else is internal.

export { loadRelayConfig } from './config.ts'
export type { RelayConfig, RelaySettings } from './config.ts'
export { openRelay } from './open-relay.ts'
export type { OpenRelayOptions } from './open-relay.ts'
export { serveRelay } from './serve.ts'
export type { ServedRelay } from './serve.ts'
export { HeirloomError } from '../src/errors.ts'
export type { ErrorCode } from '../src/errors.ts'
