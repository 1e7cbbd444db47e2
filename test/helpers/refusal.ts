// Asserting that something is refused: always with a HeirloomError, and by its code, never by its words.

import * as assert from 'uvu/assert'
import { HeirloomError, type ErrorCode } from '../../src/errors.ts'

/** Runs something that must throw one of these codes; answers the error, for what else a test wants of it. */
export function refused(run: () => unknown, ...codes: ErrorCode[]): HeirloomError {
  try {
    run()
  } catch (thrown) {
    return checked(thrown, codes)
  }
  assert.unreachable(`should have thrown ${codes.join(' or ')}`)
  throw new Error('unreachable')
}

export async function refusedLater(promise: Promise<unknown>, ...codes: ErrorCode[]): Promise<HeirloomError> {
  return promise.then(
    () => {
      assert.unreachable(`should have been rejected with ${codes.join(' or ')}`)
      throw new Error('unreachable')
    },
    (thrown: unknown) => checked(thrown, codes),
  )
}

/** Runs a decoder on bytes that may be anything: it may succeed, or throw a HeirloomError that isn't our own fault. Says which. */
export function survives(run: () => unknown): boolean {
  try {
    run()
    return true
  } catch (thrown) {
    assert.instance(thrown, HeirloomError, `threw ${String(thrown)}`)
    assert.is.not((thrown as HeirloomError).code, 'internal')
    return false
  }
}

function checked(thrown: unknown, codes: readonly ErrorCode[]): HeirloomError {
  assert.instance(thrown, HeirloomError, `threw ${String(thrown)}`)
  const error = thrown as HeirloomError
  assert.ok(codes.includes(error.code), `threw ${error.code} (${error.message}) instead of ${codes.join(' or ')}`)
  return error
}
