// What predecessors and heirs do, and say of themselves at their end, held against the truth.

import { isSigned } from '../../src/seal/signed.ts'
import type { PackSet } from '../../src/wire/pack-set.ts'
import type { HandoffResult } from '../../peer/result.ts'
import type { HandoffTruth } from './handoff-truth.ts'
import type { RestoredState } from './restored-state.ts'

type Violate = (rule: string, detail: string) => void

/** A pack is restored: what it builds on was restored before it, as far as it is here and has not come again in other packs. */
export function checkBarrier(
  truth: HandoffTruth,
  heir: string,
  number: number,
  isJournaled: (number: number) => boolean,
  violate: Violate,
): void {
  const { barrier = 0, barrierFrom = 0 } = truth.sealed.get(number)?.pack ?? {}
  const restored = truth.restoredBy(heir)
  const superseded = truth.supersededAt(heir)
  for (const before of truth.hereAt(heir)) {
    if (before < barrierFrom || before >= barrier || restored.has(before) || superseded.has(before) || isJournaled(before)) continue
    violate('what a pack builds on is restored before it', `pack ${number} before pack ${before}`)
  }
}

/** An heir has ended, with so much in place. */
export function checkInherited(truth: HandoffTruth, heir: string, state: RestoredState, result: HandoffResult, violate: Violate): void {
  const { outcome, chunks } = result
  const restored = truth.restoredBy(heir)
  const last = Math.max(0, ...truth.sealed.keys())
  // The receipt may never have left; then nobody can know that there is no more.
  let hasAll = restored.has(last) && truth.sealed.get(last)?.pack.receipt !== undefined && truth.handedOff !== 'partial'
  // What did not come may be a newer state of a chunk that did: then an heir doesn't claim to have everything.
  const superseded = truth.superseded()
  if (truth.sealed.keys().some((number) => !restored.has(number) && !superseded.has(number))) hasAll = false
  for (const [name, promised] of truth.promised()) {
    const whole = state.complete.values().reduce((sum, chunk) => sum + (chunk.startsWith(`${name} `) ? 1 : 0), 0)
    if (whole >= promised) continue
    hasAll = false
    if (outcome === 'delivered') violate('an heir says what it missed', `${whole} of ${promised} chunks of ${name} are here`)
  }
  if (hasAll && outcome === 'partial')
    violate('an heir that has everything says so', `it has all of ${truth.hex.slice(0, 6)} and calls it partial`)
  if (chunks.delivered > state.complete.size)
    violate('an heir counts what it restored', `${chunks.delivered} chunks delivered, ${state.complete.size} are whole`)
}

/** What is in place of a state that changes is of no version before its last catalog; where all came that went after the notice, of none before that. */
export function checkFresh(truth: HandoffTruth, state: RestoredState, { outcome }: HandoffResult, violate: Violate): void {
  for (const { name, living } of truth.sources) {
    if (living === undefined) continue
    const sinceMs = outcome === 'delivered' ? Math.max(truth.asOfMs, living.frozenMs ?? 0) : truth.asOfMs
    for (const chunk of state.complete) {
      if (!chunk.startsWith(`${name} `)) continue
      const version = state.version(chunk)
      const id = chunk.slice(name.length + 1)
      if (version !== undefined && !living.had(id, version, sinceMs))
        violate('nothing stale or deleted is restored', `${chunk} in version ${version}, of ${truth.hex.slice(0, 6)}`)
    }
  }
}

/** A predecessor has ended. */
export function checkHandedOff(truth: HandoffTruth, { epoch, outcome, chunks }: HandoffResult, violate: Violate): void {
  const held = heldBy(truth, epoch)
  const whole = heldChunks(truth, epoch)
  if (chunks.delivered > whole) violate('a receipt is true', `${chunks.delivered} chunks delivered, ${whole} are at the heir or the store`)
  if (chunks.delivered + chunks.leftOut > chunks.planned)
    violate('a receipt adds up', `${chunks.delivered} delivered and ${chunks.leftOut} left out of ${chunks.planned} chunks`)
  if (outcome !== 'delivered' && outcome !== 'parked') return
  if (chunks.delivered + chunks.leftOut < chunks.planned)
    violate('a receipt adds up', `${outcome} with ${chunks.delivered} of ${chunks.planned} chunks`)
  // Without its last pack, the receipt, the state is whole, but nobody may have heard what was given up last.
  const last = Math.max(...truth.sealed.keys())
  if (truth.sealed.get(last)?.pack.receipt === undefined || !held.has(last)) return
  const superseded = truth.superseded()
  for (const number of truth.sealed.keys())
    if (!held.has(number) && !superseded.has(number)) violate('what nobody holds is said not to come', `pack ${number}`)
}

/** What a predecessor's receipt says, the one that it answers and the one that the heir gets. */
export function checkReceipt(truth: HandoffTruth, result: HandoffResult, receipt: string, identityKey: Uint8Array, violate: Violate): void {
  const said = JSON.parse(receipt) as Pick<HandoffResult, 'outcome' | 'chunks' | 'epoch'>
  if (said.outcome !== result.outcome || said.chunks.delivered !== result.chunks.delivered)
    violate('a receipt says what the result says', `${said.outcome} and ${said.chunks.delivered} chunks`)
  const sealed = [...truth.sealed.values()].flatMap(({ pack }) => pack.receipt ?? [])
  if (sealed.length > 1) violate('a handoff has one receipt', `${sealed.length} were sealed`)
  for (const { content, signature } of sealed) {
    if (!isSigned(identityKey, 'heirloom/1 receipt', content, signature)) violate('a receipt is signed', truth.hex.slice(0, 6))
    const told = JSON.parse(new TextDecoder().decode(content)) as typeof said
    // Of an heir that was lost since it told what that one had.
    if (told.epoch === result.epoch && told.chunks.delivered > heldChunks(truth, result.epoch))
      violate('a sealed receipt is true', `it says that ${told.chunks.delivered} chunks are delivered`)
  }
}

/** How many chunks are whole at the heir of that epoch or the store. */
function heldChunks(truth: HandoffTruth, epoch: number): number {
  const held = heldBy(truth, epoch)
  return truth.sources.reduce((sum, { name }) => sum + truth.wholeChunks(name, held).size, 0)
}

function heldBy(truth: HandoffTruth, epoch: number): PackSet {
  const held = truth.stored
  for (const heir of truth.heirsOf(epoch)) held.addAll(truth.everAcknowledgedBy(heir))
  return held
}
