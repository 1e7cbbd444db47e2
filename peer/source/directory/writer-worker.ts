// The thread of a directory sink: writes.

import { workerData } from 'node:worker_threads'
import { answerCalls } from './thread-calls.ts'
import { recallItems, writeItems, type RestoreAnswer, type WriterData, type WriterRequest } from './writer-calls.ts'
import { DirectoryWriter } from './writer.ts'

const writer = new DirectoryWriter(workerData as WriterData)

answerCalls<WriterRequest>((request) => {
  if (request.kind === 'recall') return { answer: writer.recall(recallItems(request.items)) }
  if (request.kind === 'finish') return { answer: writer.finish() }
  if (request.kind === 'close') return { answer: writer.close() }
  const { items, buffer } = request
  const outcome = writer.restore(writeItems(items, buffer))
  return { answer: { outcome, buffer } satisfies RestoreAnswer, transfer: [buffer] }
})
