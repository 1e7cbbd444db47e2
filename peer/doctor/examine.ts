// The examination as a whole: all checks of one configuration, in the order in which an operator would mend things.

import type { Clock } from '../../src/clock.ts'
import { createIdentity } from '../../src/seal/identity.ts'
import type { KeyFile } from '../../src/seal/pool-key.ts'
import { configNotes } from '../config/notes.ts'
import type { PeerConfig } from '../config/schema.ts'
import { joinPool } from '../membership.ts'
import { dmiFolder as systemDmiFolder } from '../notice/firmware.ts'
import { finding, ok, warn, type Finding } from './finding.ts'
import { checkIdentity, checkKey, checkPort, checkState } from './local.ts'
import { checkCloud, checkNotice } from './notice.ts'
import { reach } from './reach.ts'
import { checkRelay, type RelayProbe } from './relay.ts'
import { checkSource } from './sources.ts'

interface Examination {
  readonly config: PeerConfig
  readonly clock: Clock
  readonly probe: RelayProbe
  readonly signal: AbortSignal
  /** Where the kernel shows what the firmware says. */
  readonly dmiFolder?: string
}

/** Yields a finding for every check; only the signal ends it early. */
export async function* examine({ config, clock, probe, signal, dmiFolder = systemDmiFolder }: Examination): AsyncGenerator<Finding> {
  for (const note of configNotes(config)) yield warn('config', note, 'nothing, or take it out of the file')

  const { finding: identityFinding, identity } = await checkIdentity(config.identity)
  yield identityFinding
  let keyFile: KeyFile | undefined
  yield await finding(
    'key',
    async () => {
      const checked = await checkKey(config, identity, clock.nowMs())
      keyFile = checked.keyFile
      return checked.finding
    },
    signal,
  )
  yield await finding('state', () => checkState(config.state), signal)

  for (const address of config.relays) {
    yield await finding(
      `relay ${address}`,
      async () => {
        if (keyFile === undefined) return warn(`relay ${address}`, 'not asked: there is no key to enrol with', 'mend the key first')
        // Without an identity of its own yet, any will do: the pool's secret certifies it.
        const membership = joinPool(keyFile, identity ?? createIdentity(), clock, 'send')
        return checkRelay({ address, membership, clock, probe, signal })
      },
      signal,
    )
  }

  for (const source of config.sources) yield await finding(`source ${source.name}`, () => checkSource(source, signal), signal)
  yield await finding('cloud', () => checkCloud(config.notices, dmiFolder), signal)
  for (const notice of config.notices) {
    yield await finding(`notice ${notice.kind}`, () => checkNotice(notice, { clock, dmiFolder, signal }), signal)
  }
  yield* examinePorts(config, signal)
}

async function* examinePorts(config: PeerConfig, signal: AbortSignal): AsyncGenerator<Finding> {
  const agentRuns = await reach({ path: config.socket }, signal).then(
    () => true,
    () => false,
  )
  yield ok('socket', agentRuns ? `the agent answers at ${config.socket}` : `${config.socket}, no agent is running`)
  for (const address of config.listen) {
    const [, , host = '', , port = ''] = address.split('/')
    yield await finding(`listen ${address}`, () => checkPort(`listen ${address}`, host, Number(port), agentRuns), signal)
  }
  if (config.http !== undefined) {
    const colon = config.http.lastIndexOf(':')
    const host = config.http.slice(0, colon).replace(/^\[|\]$/g, '')
    const port = Number(config.http.slice(colon + 1))
    yield await finding(`http ${config.http}`, () => checkPort(`http ${config.http}`, host, port, agentRuns), signal)
  }
}
