// What a simulated VM does at its notice, as the agent does it: hands off to one heir, or in parts to several. And what is held against the truth when
// it has.

import { Deadline } from '../../src/deadline.ts'
import type { HandoffOptions } from '../../peer/handoff/options.ts'
import { handOffAfter, type Preshipping } from '../../peer/preshipping.ts'
import type { HandoffResult, PartResult } from '../../peer/result.ts'
import { handOffParts } from '../../peer/split/hand-off-parts.ts'
import type { Division } from './division.ts'
import type { HandoffTruth } from './handoff-truth.ts'
import type { Process } from './process.ts'
import { checkHandedOff, checkLimit, checkPlanned, checkReceipt, checkSum, type Violate } from './result-checks.ts'
import type { NoticePlan } from './running-handoff.ts'
import { SimulatedSource, type SourceScript } from './state.ts'

export interface Leaving extends Pick<HandoffOptions, 'membership' | 'node' | 'relay' | 'data' | 'events'> {
  readonly process: Process
  readonly preshipping: Preshipping | undefined
}

export interface Leaver {
  readonly name: string
  readonly sources: readonly SourceScript[]
  readonly division: Division | undefined
}

export async function depart(
  { process, preshipping, membership, node, relay, data, events }: Leaving,
  { name, sources, division }: Leaver,
  { deadlineMs, limits }: NoticePlan,
  deadline: Deadline,
): Promise<{ result: HandoffResult; receipt: string }> {
  const own = sources.map((script) => new SimulatedSource(name, script, process))
  const random = () => process.random.next()
  const common = { membership, node, relay, data, clock: process.clock, events, random, compress: 'never' as const }
  const aheads = limits.lanes.includes('store') ? ((await preshipping?.take()) ?? []) : []
  const options = { ...common, reason: 'simulated', deadlineMs, deadline, sources: own, limits }
  if (division !== undefined) return await handOffParts({ ...options, partition: division.partition, aheads })
  return await handOffAfter(options, aheads[0])
}

export interface Departed {
  readonly truths: ReadonlyMap<string, HandoffTruth>
  readonly division: Division | undefined
  readonly limits: NoticePlan['limits']
  readonly publicKey: Uint8Array
  readonly violate: Violate
}

/** Every handoff that was made at one notice. */
export function checkDeparted(result: HandoffResult, receipt: string, { truths, division, limits, publicKey, violate }: Departed): void {
  const check = (own: HandoffResult | PartResult, ownReceipt: string | undefined) => {
    const truth = truths.get(own.handoff)
    if (truth === undefined) return
    truth.handedOff = own.outcome
    checkHandedOff(truth, own, violate)
    if (limits.bytesMax === undefined) checkPlanned(truth, own, violate)
    if (ownReceipt !== undefined) checkReceipt(truth, own, ownReceipt, publicKey, violate)
  }
  const { parts = [] } = result
  const own = (division === undefined ? [result] : parts).flatMap(({ handoff }) => truths.get(handoff) ?? [])
  checkLimit(own, limits.bytesMax, violate)
  if (division === undefined) return check(result, receipt)
  checkSum(result, division.partition.parts, violate)
  const receipts = (JSON.parse(receipt) as { parts: readonly { readonly part: string }[] }).parts
  for (const each of parts) {
    const ofPart = receipts.find(({ part }) => part === each.part)
    check(each, ofPart && JSON.stringify(ofPart))
    const part = truths.get(each.handoff)?.part
    if (part !== undefined && part !== each.part) violate('a part is a handoff of its own', `${each.part} is said to be that of ${part}`)
  }
}
