// How handoff keys are wrapped in a simulated world: as HPKE does, but at once and from the seed, with the pool's id for a key. Whoever wraps one makes a
// handoff, so here its truth begins.

import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { KeyWrapping } from '../../src/seal/handoff-header.ts'
import type { SeededRandom } from '../helpers/seed.ts'
import type { Division } from './division.ts'
import { HandoffTruth } from './handoff-truth.ts'
import type { SourceScript } from './state.ts'

export interface SimulatedWrappingOptions {
  readonly random: SeededRandom
  readonly truths: Map<string, HandoffTruth>
  /** Whose handoffs are made with it. */
  readonly owner: string
  readonly sources: readonly SourceScript[]
  readonly division: Division | undefined
  readonly nowMs: () => number
  /** Of the machine's own clock. */
  readonly wallMs: () => number
}

const algorithm = 'aes-256-gcm'

export function simulatedWrapping({ random, truths, owner, sources, division, nowMs, wallMs }: SimulatedWrappingOptions): KeyWrapping {
  return {
    randomBytes: (bytes) => Uint8Array.from({ length: bytes }, () => random.integer(0, 255)),
    wrap(key, pool, info) {
      const hex = Buffer.from(info.subarray(-16)).toString('hex')
      truths.set(hex, new HandoffTruth({ hex, pool: pool.id, key, owner, sources, division, atMs: nowMs(), createdMs: wallMs() }))
      const cipher = createCipheriv(algorithm, pool.id, new Uint8Array(12)).setAAD(info)
      const sealed = cipher.update(key)
      cipher.final()
      return Promise.resolve({ encapsulated: new Uint8Array(32), wrapped: new Uint8Array(Buffer.concat([sealed, cipher.getAuthTag()])) })
    },
    unwrap({ wrapped }, pool, info) {
      const decipher = createDecipheriv(algorithm, pool.id, new Uint8Array(12)).setAAD(info).setAuthTag(wrapped.subarray(-16))
      const key = decipher.update(wrapped.subarray(0, -16))
      decipher.final()
      return Promise.resolve(new Uint8Array(key))
    },
  }
}
