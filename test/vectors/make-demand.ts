// The vectors of what an heir demands, made as make.ts makes the others.

import { create, toBinary } from '@bufbuild/protobuf'
import { createHash } from 'node:crypto'
import { PackHeadSchema } from '../../src/wire/gen/pack_pb.ts'
import { AnswerSchema, DemandSchema } from '../../src/wire/gen/transfer_pb.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const text = (value: string) => new Uint8Array(Buffer.from(value))
const join = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts))

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

/** What an heir demands of its predecessor, what it is answered, and where a pack's head says that chunks are. */
export function makeDemandVectors() {
  const chunks = [
    { source: 0, ids: ['a', 'm ☃/%2F'] },
    { source: 3, ids: ['sessions'] },
  ]
  const demand = create(DemandSchema, { packs: [63, 1], chunks: chunks.map(({ source, ids }) => ({ source, ids: ids.map(text) })) })
  const answers = [
    { source: 0, id: 'a', runs: [] as number[] },
    { source: 3, id: 'sessions', runs: [7, 1] },
  ]
  const answer = create(AnswerSchema, { chunks: answers.map(({ source, id, runs }) => ({ source, id: text(id), packs: runs })) })
  const marks = chunks.flatMap(({ source, ids }) => ids.map((id) => ({ source, id, mark: hex(markOf(source, id)) })))
  const directory = [{ pack: 5, chunks: join(markOf(0, 'a'), markOf(3, 'sessions')) }]
  const head = toBinary(PackHeadSchema, create(PackHeadSchema, { barrier: 1, directory }))
  return {
    demand: { packs: [63], chunks, body: hex(toBinary(DemandSchema, demand)) },
    answer: { chunks: answers, body: hex(toBinary(AnswerSchema, answer)) },
    marks,
    directory: {
      packs: directory.map(({ pack, chunks }) => ({ pack, chunks: hex(chunks) })),
      plain: hex(join(u32(head.byteLength), head)),
    },
  }
}

function markOf(source: number, id: string): Uint8Array {
  const digest = createHash('sha256').update(u32(source)).update(text(id)).digest()
  return new Uint8Array(digest.subarray(0, 6))
}
