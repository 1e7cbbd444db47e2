// What an heir wants before all else, and what it is answered, between protobuf form and plain values (PROTOCOL.md, "Demand").
// Reading throws `malformed` for what doesn't decode and `too-large` for sets and lists out of bounds, nothing else.

import { create, toBinary } from '@bufbuild/protobuf'
import { HeirloomError } from '../errors.ts'
import { demandedChunksMax } from '../limits/demand.ts'
import { chunkIdBytesMax, packRangesMax, sourcesMax } from '../limits/wire.ts'
import { frameType, joinBody, makeFrame, type Frame } from '../wire/frame.ts'
import { AnswerSchema, DemandSchema } from '../wire/gen/transfer_pb.ts'
import { readMessage } from '../wire/message.ts'
import { PackSet } from '../wire/pack-set.ts'

/** Chunks of one source, by the number that the predecessor gave it. */
export interface DemandedChunks {
  readonly source: number
  readonly ids: readonly string[]
}

export interface DemandMessage {
  readonly packs: PackSet
  readonly chunks: readonly DemandedChunks[]
}

/** Without packs the chunk won't come. */
export interface ChunkAnswer {
  readonly source: number
  readonly id: string
  readonly packs: PackSet
}

export function demandFrame({ packs, chunks }: Partial<DemandMessage>): Frame {
  const message = create(DemandSchema, {
    packs: packs?.toRuns() ?? [],
    chunks: chunks?.map(({ source, ids }) => ({ source, ids: ids.map(idBytes) })) ?? [],
  })
  return makeFrame(frameType.demand, toBinary(DemandSchema, message))
}

export function readDemand(frame: Frame): DemandMessage {
  const limits = { packs: 2 * packRangesMax, chunks: sourcesMax, ids: demandedChunksMax }
  const { packs, chunks } = readMessage(DemandSchema, joinBody(frame), 'a demand', limits)
  const total = chunks.reduce((sum, { ids }) => sum + ids.length, 0)
  if (total > demandedChunksMax) throw new HeirloomError('too-large', `a demand names more than ${demandedChunksMax} chunks`)
  return {
    packs: PackSet.fromRuns(packs),
    chunks: chunks.map(({ source, ids }) => ({ source: checkSource(source), ids: ids.map(idText) })),
  }
}

export function answerFrame(chunks: readonly ChunkAnswer[]): Frame {
  const message = create(AnswerSchema, {
    chunks: chunks.map(({ source, id, packs }) => ({ source, id: idBytes(id), packs: packs.toRuns() })),
  })
  return makeFrame(frameType.answer, toBinary(AnswerSchema, message))
}

export function readAnswer(frame: Frame): ChunkAnswer[] {
  const limits = { chunks: demandedChunksMax, packs: 2 * packRangesMax }
  const { chunks } = readMessage(AnswerSchema, joinBody(frame), 'an answer', limits)
  return chunks.map(({ source, id, packs }) => ({ source: checkSource(source), id: idText(id), packs: PackSet.fromRuns(packs) }))
}

function checkSource(source: number): number {
  if (source >= sourcesMax) throw new HeirloomError('malformed', `there is no source ${source}`)
  return source
}

function idBytes(id: string): Uint8Array {
  return new TextEncoder().encode(id)
}

function idText(bytes: Uint8Array): string {
  if (bytes.byteLength > chunkIdBytesMax) throw new HeirloomError('too-large', "a chunk's id is too long")
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new HeirloomError('malformed', "a chunk's id is not UTF-8")
  }
}
