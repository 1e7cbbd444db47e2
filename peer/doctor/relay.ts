// Checks of a relay: does anybody listen, does it take us, and does its clock agree with ours.

import type { Clock } from '../../src/clock.ts'
import { asHeirloomError, HeirloomError } from '../../src/errors.ts'
import { clockSkewWarnMs, doctorTimeoutMs } from '../../src/limits/agent.ts'
import { clockSkewMs } from '../../src/limits/wire.ts'
import { humanDuration } from '../../src/units.ts'
import type { Membership } from '../membership.ts'
import { ok, warn, type Finding } from './finding.ts'
import { reach } from './reach.ts'

/** Enrols with one relay and answers its wall clock. */
export type RelayProbe = (
  address: string,
  options: { readonly membership: Membership; readonly clock: Clock; readonly signal: AbortSignal },
) => Promise<{ nowMs: number }>

interface RelayCheck {
  readonly address: string
  readonly membership: Membership
  readonly clock: Clock
  readonly probe: RelayProbe
  readonly signal: AbortSignal
}

export async function checkRelay({ address, membership, clock, probe, signal }: RelayCheck): Promise<Finding> {
  const check = `relay ${address}`
  const [, , host = '', , port = ''] = address.split('/')
  await reach({ host, port: Number(port) }, signal).catch((thrown: unknown) => {
    signal.throwIfAborted()
    throw new HeirloomError('no-relay', `nobody answers at ${host}:${port}: ${asHeirloomError(thrown).message}`, {
      cause: thrown,
      hint: 'is the relay running, is the address right, and does a firewall let its port through?',
    })
  })
  const beforeMs = clock.nowMs()
  const limited = AbortSignal.any([signal, AbortSignal.timeout(doctorTimeoutMs)])
  const { nowMs } = await probe(address, { membership, clock, signal: limited })
  const afterMs = clock.nowMs()
  const roundTrip = `enrolled in ${humanDuration(afterMs - beforeMs)}`
  // The relay looked at its clock at some moment between the two.
  const aheadMs = nowMs > afterMs ? nowMs - afterMs : nowMs < beforeMs ? nowMs - beforeMs : 0
  const skew = `${humanDuration(Math.abs(aheadMs))} ${aheadMs > 0 ? 'behind' : 'ahead of'} the relay's`
  const hint = 'synchronise the clocks of both machines (NTP)'
  if (Math.abs(aheadMs) > clockSkewMs)
    throw new HeirloomError('unauthorised', `this clock is ${skew}: certificates will be refused`, { hint })
  if (Math.abs(aheadMs) > clockSkewWarnMs) return warn(check, `${roundTrip}; this clock is ${skew}`, hint)
  return ok(check, roundTrip)
}

/** The probe over libp2p. */
export const probeRelay: RelayProbe = async (address, { membership, clock, signal }) => {
  const [{ createNode }, { RelayClient }] = await Promise.all([import('../../src/net/node.ts'), import('../relay-client.ts')])
  await using node = await createNode({ seed: membership.identity.seed, listen: [] })
  await using relay = new RelayClient({ node, addresses: [address], certificate: () => membership.certificate(), clock })
  await relay.connect({ signal })
  if (relay.terms === undefined) throw new HeirloomError('link-lost', 'the relay hung up right after it had enrolled us')
  return { nowMs: Number(relay.terms.nowMs) }
}
