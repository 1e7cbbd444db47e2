// The other side of thread.ts: what a worker's file calls to answer calls. Errors cross as their code, text and hint.

import { isMainThread, parentPort, type Transferable } from 'node:worker_threads'
import { asHeirloomError, assert } from '../../../src/errors.ts'

export type ThreadAnswer =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly error: { readonly code: string; readonly text: string; readonly hint: string | undefined } }

/** Answers calls until the thread is ended. What `answer` throws is thrown to the caller, as `io` if it isn't a HeirloomError. */
export function answerCalls<Request>(answer: (request: Request) => { answer: unknown; transfer?: readonly Transferable[] }): void {
  assert(!isMainThread && parentPort !== null, 'a worker file was started as a program')
  const port = parentPort
  port.on('message', ({ id, request }: { id: number; request: Request }) => {
    try {
      const result = answer(request)
      port.postMessage({ id, answer: result.answer } satisfies ThreadAnswer, [...(result.transfer ?? [])])
    } catch (thrown) {
      const { code, message, hint } = asHeirloomError(thrown, 'io')
      port.postMessage({ id, error: { code, text: message, hint } } satisfies ThreadAnswer)
    }
  })
}
