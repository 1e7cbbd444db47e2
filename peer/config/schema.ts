// The schema of a peer's configuration file, and the type that it becomes. Durations are milliseconds, sizes bytes.
//
// Invariant: only what this version can do passes; what a later one will do is refused by name.

import * as z from 'zod'
import { duration, hostPort, listenAddress, path, relayAddress, strict } from '../../src/config/values.ts'
import { addressesMax } from '../../src/limits/wire.ts'
import { sourcesSchema, type Manifest } from '../../src/plan/manifest.ts'
import { checkMachine } from '../../src/plan/policy-machine-check.ts'
import { policySchema, type Policy } from '../../src/plan/policy.ts'
import type { Ms } from '../../src/units.ts'
import { noticeEntry, type NoticeEntry } from './notice-entry.ts'

/** What is written in the file; paths are as they stand there, and the keys that depend on the machine may be missing. */
export const configSchema = strict({
  pool: z.string().min(1).max(64).optional().describe('The name of the pool, checked against the key. Without it: the name in the key.'),
  relays: z
    .array(relayAddress())
    .min(1)
    .max(addressesMax)
    .describe('Addresses of relays. Every peer of a pool tries them in the same order, whatever the order here.'),
  key: path().describe('The file with the pool key or with a certificate of this VM.'),
  listen: z
    .array(listenAddress())
    .max(addressesMax)
    .default(['/ip4/0.0.0.0/tcp/0'])
    .describe('Where other peers reach this one; port 0 takes a free one. An empty list: by the relay only.'),
  data_port: z.int().min(0).max(65_535).optional().describe('The port of the fast lane.'),
  socket: path()
    .optional()
    .describe('The Unix socket of the local API. Default: peer.sock in $RUNTIME_DIRECTORY, $XDG_RUNTIME_DIR/heirloom or the state.'),
  http: hostPort().optional().describe('The same API on host:port. Without it: on the socket only.'),
  state: path()
    .optional()
    .describe('Directory for identity and journal. Default: $STATE_DIRECTORY, $XDG_STATE_HOME/heirloom or ~/.local/state/heirloom.'),
  identity: path().optional().describe("The file with this peer's own key. Default: identity.key in the state."),
  notices: z
    .array(noticeEntry)
    .max(32)
    .prefault([{ kind: 'signal' }])
    .describe('What tells us that the VM is going.'),
  await: z
    .union([z.literal('always'), duration()], { error: waitMessage })
    .prefault('15m')
    .describe('How long after its start the peer counts as a successor; "always" for a standby.'),
  sources: sourcesSchema,
  policy: policySchema.prefault({}).describe('What to do on which event, and within which limits.'),
})
  .superRefine(({ policy, sources }, context) => {
    // Of a policy with mistakes of its own nothing is there to be checked.
    if ((policy as Partial<Policy>).machine === undefined) return
    const names = sources.map(({ name }) => name)
    for (const name of Object.keys(policy.readyAt.sources)) {
      if (names.includes(name)) continue
      context.addIssue({ code: 'custom', path: ['policy', 'ready_at', 'sources', name], message: `there is no source named ${name}` })
    }
    for (const { path: at, message } of checkMachine(policy.machine, names)) {
      context.addIssue({ code: 'custom', path: ['policy', 'machine', ...at], message })
    }
  })
  .describe('The configuration of a Heirloom peer.')

function waitMessage(issue: { input?: unknown }): string | undefined {
  return issue.input === undefined ? undefined : 'expected a duration such as 15m, or always'
}

/** A peer's configuration: all defaults filled in, all paths absolute, frozen. */
export interface PeerConfig {
  /** Undefined: whatever the key says. */
  readonly pool: string | undefined
  readonly relays: readonly string[]
  readonly key: string
  readonly listen: readonly string[]
  readonly dataPort: number | undefined
  readonly socket: string
  readonly http: string | undefined
  readonly state: string
  readonly identity: string
  readonly notices: readonly NoticeEntry[]
  readonly awaitMs: Ms | 'always'
  readonly sources: Manifest
  readonly policy: Policy
}
