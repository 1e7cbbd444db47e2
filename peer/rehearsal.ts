// A handoff in small, in memory, with itself: what a runtime does slowly the first time (wrapping a key, sealing, opening, code that is compiled
// when it is first called) is done before a notice or a claim, when nobody waits for it. Some tens of milliseconds then are a few later.

import { decodePack, encodePack } from '../src/chunk/pack.ts'
import type { Clock } from '../src/clock.ts'
import { createHandoff, openHeader } from '../src/seal/handoff-header.ts'
import { PackOpener, PackSealer } from '../src/seal/pack-seal.ts'
import { PackSet } from '../src/wire/pack-set.ts'
import type { Membership } from './membership.ts'

/** Throws what is wrong with the membership, as a handoff would. Nothing is sent and nothing is kept. */
export async function rehearse({ pool, secret, identity, certificate }: Membership, clock: Clock): Promise<void> {
  const { key, handoff, header } = await createHandoff({ pool, identity, certificate: certificate(), nowMs: clock.nowMs() })
  const nothing = new Uint8Array(0)
  const head = { source: 0, id: 'a', metadata: false, offset: 0, chunkBytes: 1, version: '', expiresAtMs: 0, readProbability: 1 }
  const plain = encodePack({
    barrier: 0,
    sources: [{ source: 0, name: 'rehearsal', kind: 'none', chunks: 1, bytes: 1, readProbability: 1 }],
    fragments: [{ head: { ...head, attributes: nothing }, body: new Uint8Array(1) }],
    superseded: new PackSet(),
  })
  const sealed = new PackSealer({ key, pool: pool.id, handoff }).seal(0, plain)
  if (secret === undefined) return
  const opened = await openHeader(header, secret, handoff)
  decodePack(new PackOpener({ key: opened.key, pool: pool.id, handoff }).open(sealed.pieces).plain)
}
