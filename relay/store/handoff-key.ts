// A handoff's key as one string, for maps and file names. Invariant: it holds nothing but hexadecimal digits and its separator, so
// that no key can lead out of a store's folder.

import { assert } from '../../src/errors.ts'
import type { HandoffKey } from './store.ts'

export function isPoolId(name: string): boolean {
  return /^[0-9a-f]{64}$/.test(name)
}

export function isHandoffId(name: string): boolean {
  return /^[0-9a-f]{32}$/.test(name)
}

/** `pool.handoff`. Keys are made from bytes, by us: one that isn't lower-case hexadecimal is a defect. */
export function keyText({ pool, handoff }: HandoffKey): string {
  assert(isPoolId(pool) && isHandoffId(handoff), 'a handoff key is lower-case hexadecimal')
  return `${pool}.${handoff}`
}
