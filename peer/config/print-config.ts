// A configuration as a file again, with every default written out.
//
// Invariant: reading what was printed gives the same configuration.

import { stringify } from 'yaml'
import type { SourceEntry } from '../../src/plan/manifest.ts'
import { writtenMachine } from '../../src/plan/policy-machine-schema.ts'
import type { Policy } from '../../src/plan/policy.ts'
import type { Split } from '../../src/plan/policy-split.ts'
import { formatDuration, formatRate, formatSize } from '../../src/units.ts'
import type { NoticeEntry } from './notice-entry.ts'
import type { PeerConfig } from './schema.ts'

/** The written form: the keys of the file, durations and sizes with units. What has no value is absent. */
export function writtenConfig(config: PeerConfig): Record<string, unknown> {
  return present({
    pool: config.pool,
    relays: config.relays,
    key: config.key,
    listen: config.listen,
    data_port: config.dataPort,
    socket: config.socket,
    http: config.http,
    state: config.state,
    identity: config.identity,
    notices: config.notices.map(writtenNotice),
    await: config.awaitMs === 'always' ? 'always' : formatDuration(config.awaitMs),
    sources: config.sources.map(writtenSource),
    policy: writtenPolicy(config.policy),
  })
}

/** The same as YAML. */
export function printConfig(config: PeerConfig): string {
  return stringify(writtenConfig(config), { lineWidth: 0, aliasDuplicateObjects: false })
}

function writtenNotice(notice: NoticeEntry): Record<string, unknown> {
  const { everyMs, deadlineMs, ...rest }: { everyMs?: number; deadlineMs?: number; kind: string } = { ...notice }
  const written = (ms: number | undefined) => (ms === undefined ? undefined : formatDuration(ms))
  return present({ ...rest, every: written(everyMs), deadline: written(deadlineMs) })
}

/** What is written in another form than it is kept in, of all kinds of sources. */
type OwnForms = Record<'timeoutMs' | 'maxKeyBytes', number> & Record<'tokenFile' | 'passwordFile' | 'caFile', string>

function writtenSource(source: SourceEntry): Record<string, unknown> {
  const { divide, timeoutMs, maxKeyBytes, tokenFile, passwordFile, caFile, ...rest }: SourceEntry & Partial<OwnForms> = source
  return present({
    ...rest,
    divide: divide && { by: divide.by, target: formatSize(divide.targetBytes) },
    timeout: timeoutMs === undefined ? undefined : formatDuration(timeoutMs),
    max_key: maxKeyBytes === undefined ? undefined : formatSize(maxKeyBytes),
    token_file: tokenFile,
    password_file: passwordFile,
    ca_file: caFile,
  })
}

function writtenPolicy(policy: Policy): Record<string, unknown> {
  return present({
    on: policy.on,
    machine: writtenMachine(policy.machine),
    context: policy.context,
    prefer: policy.prefer,
    worth: policy.worth,
    parts: policy.parts,
    split: policy.split && writtenSplit(policy.split),
    lanes: policy.lanes,
    reserve: formatDuration(policy.reserveMs),
    max_bytes: policy.maxBytes === undefined ? undefined : formatSize(policy.maxBytes),
    max_rate: policy.maxRateBytesPerSecond === undefined ? undefined : formatRate(policy.maxRateBytesPerSecond),
    keep: formatDuration(policy.keepMs),
    origins: policy.origins,
    ready_at: present({
      hit_mass: policy.readyAt.hitMass,
      sources: policy.readyAt.sources,
      or_after: formatDuration(policy.readyAt.orAfterMs),
    }),
    preship: present({
      rate: formatRate(policy.preship.rateBytesPerSecond),
      every: policy.preship.everyMs === undefined ? undefined : formatDuration(policy.preship.everyMs),
    }),
    max_age: formatDuration(policy.maxAgeMs),
    demand: { within: formatDuration(policy.demandWithinMs) },
    misses: policy.misses && { per_second: policy.misses.perSecond, burst: policy.misses.burst },
  })
}

/** Ranges name the parts themselves. */
function writtenSplit({ by, parts, ranges }: Split): Record<string, unknown> {
  return { by, ...(ranges === undefined ? { parts } : { ranges }) }
}

function present(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
