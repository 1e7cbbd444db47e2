// What predecessors and heirs do, and say of themselves at their end, held against the truth.

import { packBytesTarget } from '../../src/limits/wire.ts'
import { isSigned } from '../../src/seal/signed.ts'
import type { PackSet } from '../../src/wire/pack-set.ts'
import type { HandoffResult, PartResult } from '../../peer/result.ts'
import type { HandoffTruth } from './handoff-truth.ts'
import type { RestoredState } from './restored-state.ts'

export type Violate = (rule: string, detail: string) => void

/** How a handoff ended: of a divided state, that of one part. */
type Ended = Pick<HandoffResult, 'outcome' | 'epoch' | 'chunks'>

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

/** An heir of a part has what is in it and nothing else; one that got all has all metadata, too. */
export function checkPart(truth: HandoffTruth, state: RestoredState, { outcome }: HandoffResult, violate: Violate): void {
  if (truth.division === undefined) return
  for (const source of truth.sources) {
    const own = new Map(truth.chunksOf(source).map((chunk) => [`${source.name} ${chunk.id}`, chunk]))
    for (const chunk of state.complete)
      if (chunk.startsWith(`${source.name} `) && !own.has(chunk)) violate('an heir of a part gets what is in it', `${chunk}, ${truth.part}`)
    if (outcome !== 'delivered' || source.fault !== 'none' || source.living !== undefined || truth.isLimited) continue
    for (const [chunk, { kind }] of own)
      if (kind === 'metadata' && !state.complete.has(chunk)) violate('the heir of a part gets all metadata', `${chunk}, ${truth.part}`)
  }
}

/** What a predecessor counted is what there is, all of it, or all of its part; unless it could not find out. */
export function checkPlanned(truth: HandoffTruth, { outcome, chunks }: Ended, violate: Violate): void {
  if (outcome !== 'delivered' && outcome !== 'parked') return
  const listed = truth.sources.reduce((sum, source) => {
    const { living } = source
    return sum + truth.chunksOf(source).filter(({ id }) => living === undefined || living.version(id) !== undefined).length
  }, 0)
  if (chunks.planned !== listed)
    violate(
      'all that there is is planned',
      `${chunks.planned} of ${listed} chunks${truth.part === undefined ? '' : `, part ${truth.part}`}`,
    )
}

/** What its policy allows a predecessor to send holds for all that it hands off at one notice together. */
export function checkLimit(truths: readonly HandoffTruth[], bytesMax: number | undefined, violate: Violate): void {
  if (bytesMax === undefined || truths.some(({ wasStanding }) => wasStanding)) return
  const bytesOf = (truth: HandoffTruth) => {
    const superseded = truth.superseded()
    const packs = [...truth.sealed].filter(([number, { pack }]) => pack.fragments.length > 0 && !superseded.has(number))
    return packs.reduce((sum, [, { bytes }]) => sum + bytes, 0)
  }
  const bytes = truths.reduce((sum, truth) => sum + bytesOf(truth), 0)
  if (bytes > bytesMax + packBytesTarget) violate('no more is sent than the policy allows', `${bytes} of ${bytesMax} bytes`)
}

/** The result of a divided state is that of its parts together, each of which is there once. */
export function checkSum(result: HandoffResult, names: readonly string[], violate: Violate): void {
  const { parts = [], outcome, chunks, bytes } = result
  if (
    parts
      .map(({ part }) => part)
      .toSorted()
      .join() !== names.toSorted().join()
  )
    violate('each part is told of once', `${parts.map(({ part }) => part).join()} of ${names.join()}`)
  const total = (of: (part: PartResult) => number) => parts.reduce((sum, part) => sum + of(part), 0)
  const sums = {
    planned: [chunks.planned, total((part) => part.chunks.planned)],
    delivered: [chunks.delivered, total((part) => part.chunks.delivered)],
    leftOut: [chunks.leftOut, total((part) => part.chunks.leftOut)],
    bytes: [bytes.delivered, total((part) => part.bytes.delivered)],
  }
  for (const [what, [said, sum]] of Object.entries(sums))
    if (said !== sum) violate('the results of parts add up', `${said} ${what}, of all parts ${sum}`)
  const isWhole = parts.every((part) => part.outcome === 'delivered' || part.outcome === 'parked')
  if (isWhole !== (outcome === 'delivered' || outcome === 'parked'))
    violate('the results of parts add up', `${outcome} of ${parts.map((part) => part.outcome).join()}`)
}

/** A predecessor has ended. */
export function checkHandedOff(truth: HandoffTruth, { epoch, outcome, chunks }: Ended, violate: Violate): void {
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
export function checkReceipt(truth: HandoffTruth, result: Ended, receipt: string, identityKey: Uint8Array, violate: Violate): void {
  const said = JSON.parse(receipt) as Ended
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
