// What a check found: fine, worth a look, or broken, and what to do about it.

import { asHeirloomError, HeirloomError } from '../../src/errors.ts'

export interface Finding {
  /** What was looked at: `key`, `relay /ip4/…`, `source models`. */
  readonly check: string
  readonly level: 'ok' | 'warn' | 'fail'
  readonly message: string
  /** What to do about it. */
  readonly hint?: string
  /** Of a failure: what a command that stumbles over it would exit with. */
  readonly exitCode?: number
}

export function ok(check: string, message: string): Finding {
  return { check, level: 'ok', message }
}

export function warn(check: string, message: string, hint: string): Finding {
  return { check, level: 'warn', message, hint }
}

export function fail(check: string, error: HeirloomError): Finding {
  const { message, hint, exitCode } = error
  return { check, level: 'fail', message, exitCode, ...(hint !== undefined && { hint }) }
}

/** Runs one check; whatever it throws is its finding. */
export async function finding(check: string, look: () => Promise<Finding>, signal: AbortSignal): Promise<Finding> {
  try {
    return await look()
  } catch (thrown) {
    signal.throwIfAborted()
    return fail(check, asHeirloomError(thrown, 'io'))
  }
}
