// A handoff in small, with itself: what a runtime does slowly the first time (wrapping a key, sealing, opening, a handshake, all code that is
// compiled when it is first called) is done before a notice or a claim, when nobody waits for it. A tenth of a second then is a fifth of it.

import { randomBytes } from 'node:crypto'
import { decodePack, encodePack } from '../src/chunk/pack.ts'
import type { Clock } from '../src/clock.ts'
import { HeirloomError } from '../src/errors.ts'
import { greet } from '../src/lane/channel-lane.ts'
import { helloTimeoutMs } from '../src/limits.ts'
import { createNode, type Node } from '../src/net/node.ts'
import { createHandoff, openHeader } from '../src/seal/handoff-header.ts'
import { PackOpener, PackSealer } from '../src/seal/pack-seal.ts'
import { helloFrame } from '../src/transfer/messages.ts'
import { PackSet } from '../src/wire/pack-set.ts'
import { transferProtocol } from '../src/wire/protocols.ts'
import type { Membership } from './membership.ts'

/** Throws what is wrong with the membership or the node, as a handoff would. Nothing leaves this machine and nothing is kept. */
export async function rehearse(membership: Membership, node: Node, clock: Clock): Promise<void> {
  await rehearseSealing(membership, clock)
  await rehearseLink(node, clock)
}

async function rehearseSealing({ pool, secret, identity, certificate }: Membership, clock: Clock): Promise<void> {
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

/** Dials this node as a predecessor would; it refuses, since nobody hands over to it in this way. */
async function rehearseLink(node: Node, clock: Clock): Promise<void> {
  const addresses = node.addresses()
  if (addresses.length === 0) return
  await using other = await createNode({ seed: new Uint8Array(randomBytes(32)), listen: [] })
  const signal = AbortSignal.timeout(helloTimeoutMs)
  const channel = await other.open(addresses, transferProtocol, { signal })
  const nothing = new Uint8Array(0)
  const hello = {
    handoff: new Uint8Array(16),
    role: 'receives' as const,
    epoch: 0,
    certificate: nothing,
    have: new PackSet(),
    windowBytes: 0,
  }
  try {
    await greet(channel, helloFrame(hello), { clock, signal })
  } finally {
    channel.abort(new HeirloomError('aborted', 'the rehearsal is over'))
  }
}
