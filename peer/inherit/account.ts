// The account of an inheritance: what an heir says it has, against what it was promised.

import { asHeirloomError } from '../../src/errors.ts'
import { isSigned } from '../../src/seal/signed.ts'
import type { Assignment } from '../../src/wire/gen/control_pb.ts'
import { laneTallies, type HandoffOutcome, type HandoffProgress, type HandoffResult } from '../result.ts'
import type { Sink } from '../source/source.ts'
import { hitMassesOf, hitMassOf } from './hit-mass.ts'
import type { Settled } from './journal-lines.ts'
import { missedNotes } from './missed.ts'
import type { Origins } from './origins.ts'
import type { Restorer } from './restorer.ts'
import type { Inheritance, InheritanceEnd } from './successor.ts'

export interface SettleOptions {
  readonly assignment: Pick<Assignment, 'epoch' | 'standing' | 'ageMs'>
  readonly sinks: readonly Sink[]
  readonly signal: AbortSignal
}

export interface Account {
  readonly restorer: Restorer
  readonly origins: Origins
  readonly inheritance: Inheritance
  readonly known: ReadonlyMap<string, Sink | undefined>
  readonly end: InheritanceEnd
  readonly elapsedMs: number
  readonly firstPackMs: number | null
  readonly identityKey: Uint8Array
}

/** Closes the sinks, and says how it ended. */
export async function settle(options: SettleOptions, account: Account): Promise<Settled> {
  const { restorer, origins, end, identityKey } = account
  const { restored } = restorer
  const isComplete = (waiting: number) => end === 'complete' && missingChunks(restorer) <= waiting && origins.account.failed === 0
  // What waits for its place has come.
  const complete = isComplete(restored.waiting())
  const notes = [...missedNotes(restorer, account.inheritance, end), ...origins.notes]
  const signed = restorer.receipt
  const isTrue = signed !== undefined && isSigned(identityKey, 'heirloom/1 receipt', signed.content, signed.signature)
  if (signed !== undefined && !isTrue) notes.push("the predecessor's receipt has a wrong signature and is not used")
  const receipt = isTrue
    ? withOrigins(new TextDecoder().decode(signed.content), origins)
    : JSON.stringify({ receipt: 1, ...resultOf(options, account, complete, []) })
  if (end !== 'fenced') {
    for (const sink of options.sinks) {
      try {
        const { arrived = [], notes: told = [] } = await sink.finish({ complete, receipt }, { signal: options.signal })
        for (const note of told) notes.push(`${sink.name}: ${note}`)
        const sources = [...restorer.sources.values()].filter(({ name }) => account.known.get(name) === sink)
        for (const { source } of sources) for (const id of arrived) restored.arrive(source, id)
        const dropped = sources.reduce((sum, { source }) => sum + restored.waiting(source), 0)
        if (dropped > 0) notes.push(`${sink.name}: ${dropped} chunks stayed unfinished and were dropped`)
      } catch (thrown) {
        notes.push(`${sink.name}: ${asHeirloomError(thrown).message}`)
      }
    }
  }
  const { standing, ageMs } = options.assignment
  if (standing) notes.push(`there was no notice: this is the state of ${Math.round(Number(ageMs) / 1000)} s before the claim`)
  for (const [name, sink] of account.known)
    if (sink === undefined) notes.push(`${name}: there is no such source here, its state was not restored`)
  notes.push(...restorer.refusals.notes())
  return { result: resultOf(options, account, isComplete(0), notes), receipt }
}

/** The predecessor's receipt with what came of its references, which only the heir knows. */
function withOrigins(receipt: string, { hasAny, account }: Origins): string {
  return hasAny ? JSON.stringify({ ...(JSON.parse(receipt) as object), origins: account }) : receipt
}

function plannedOf(restorer: Restorer): { chunks: number; bytes: number } {
  const summaries = [...restorer.sources.values()]
  return { chunks: summaries.reduce((sum, each) => sum + each.chunks, 0), bytes: summaries.reduce((sum, each) => sum + each.bytes, 0) }
}

function missingChunks(restorer: Restorer): number {
  return Math.max(0, plannedOf(restorer).chunks - restorer.restored.chunks - excused(restorer))
}

/** Chunks that the predecessor says it left out for a reason that is no failure. */
function excused(restorer: Restorer): number {
  try {
    const receipt = JSON.parse(new TextDecoder().decode(restorer.receipt?.content)) as {
      sources?: { leftOut?: { reason: string; chunks: number }[] }[]
    }
    const rows = receipt.sources?.flatMap((source) => source.leftOut ?? []) ?? []
    return rows.reduce((sum, row) => sum + (row.reason === 'expired' || row.reason === 'origin' ? row.chunks : 0), 0)
  } catch {
    return 0
  }
}

/** Restored from packs, and fetched from origins. */
function restoredOf({ restored }: Restorer, { account }: Origins): { chunks: number; bytes: number } {
  return { chunks: restored.chunks + account.chunks, bytes: restored.bytes + account.bytes }
}

export function progressOf(restorer: Restorer, origins: Origins): HandoffProgress {
  const planned = plannedOf(restorer)
  const { chunks, bytes } = restoredOf(restorer, origins)
  return {
    phase: 'moving',
    bytesDone: bytes,
    bytesPlanned: planned.bytes,
    chunksDone: chunks,
    chunksPlanned: planned.chunks,
    lane: undefined,
    hitMass: hitMassOf(restorer, origins),
    hitMasses: hitMassesOf(restorer, origins),
  }
}

function resultOf({ assignment }: SettleOptions, account: Account, complete: boolean, notes: readonly string[]): HandoffResult {
  const { restorer, origins, inheritance, end, elapsedMs, firstPackMs } = account
  const planned = plannedOf(restorer)
  const restored = restoredOf(restorer, origins)
  const outcome: HandoffOutcome = end === 'fenced' ? 'fenced' : complete ? 'delivered' : 'partial'
  return {
    event: 'result',
    outcome,
    handoff: inheritance.handoffHex,
    epoch: assignment.epoch,
    elapsedMs: Math.round(elapsedMs),
    firstPackMs: firstPackMs === null ? null : Math.round(firstPackMs),
    chunks: { planned: planned.chunks, delivered: restored.chunks, leftOut: Math.max(0, planned.chunks - restored.chunks) },
    bytes: { planned: planned.bytes, delivered: restored.bytes, sealed: inheritance.sealedBytes },
    lanes: laneTallies(inheritance.tallies),
    hitMass: { predicted: 1, delivered: restorer.sources.size === 0 ? 1 : hitMassOf(restorer, origins) },
    resentBytes: inheritance.resentBytes,
    ...(origins.hasAny && { origins: origins.account }),
    ...(notes.length > 0 && { notes }),
  }
}
