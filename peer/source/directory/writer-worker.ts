// The thread of a directory sink: checks names and writes.

import { workerData } from 'node:worker_threads'
import { answerCalls } from './thread-calls.ts'
import { itemsFrom, type RestoreAnswer, type WriterData, type WriterRequest } from './writer-calls.ts'
import { DirectoryWriter } from './writer.ts'

const writer = new DirectoryWriter(workerData as WriterData)

answerCalls<WriterRequest>((request) => {
  if (request.kind === 'finish') return { answer: writer.finish() }
  if (request.kind === 'close') return { answer: writer.close() }
  const { kind, buffer, isGiven } = request
  const { items, indexes, refused } = itemsFrom(request.items, buffer, { hasBodies: kind === 'restore' })
  if (kind === 'recall') return { answer: writer.recall(items) }
  const written = writer.restore(items)
  const given = (items: readonly number[]) => items.map((index) => indexes[index]!)
  const outcome = {
    unfinished: given(written.unfinished),
    inPlace: given(written.inPlace),
    arrived: written.arrived,
    refused: [...refused, ...written.refused],
  }
  if (!isGiven) return { answer: { outcome, buffer } satisfies RestoreAnswer, transfer: [buffer] }
  buffer.transfer(0)
  return { answer: { outcome, buffer: undefined } satisfies RestoreAnswer }
})
