// What a relay answers with when something ails it, as opposed to its answer to who we are and what we want.

import type { ErrorCode, HeirloomError } from '../src/errors.ts'

/** A disk that fails, or a defect: it passes, or its operator sees to it. At the relay, not here, so that trying again is worth it. */
const ailments: ReadonlySet<ErrorCode> = new Set(['io', 'internal'])

/** Whether the same request to the relay may succeed later. */
export function isPassingAtRelay({ code, retryable }: HeirloomError): boolean {
  return retryable || ailments.has(code)
}
