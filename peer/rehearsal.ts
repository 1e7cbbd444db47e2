// A handoff in small, with itself: what a runtime does slowly the first time (wrapping a key, sealing, opening, a handshake, all code that is
// compiled when it is first called) is done before a notice or a claim, when nobody waits for it. A tenth of a second then is a fifth of it.

import { randomBytes } from 'node:crypto'
import { decodePack, encodePack } from '../src/chunk/pack.ts'
import type { Clock } from '../src/clock.ts'
import { HeirloomError } from '../src/errors.ts'
import { greet } from '../src/lane/channel-lane.ts'
import { rehearsalMs } from '../src/limits/handoff.ts'
import { helloTimeoutMs } from '../src/limits/lane.ts'
import { createNode, type Node } from '../src/net/node.ts'
import { createHandoff, openHeader } from '../src/seal/handoff-header.ts'
import { PackOpener, PackSealer } from '../src/seal/pack-seal.ts'
import { helloFrame } from '../src/transfer/messages.ts'
import { PackSet } from '../src/wire/pack-set.ts'
import { transferProtocol } from '../src/wire/protocols.ts'
import { EventLog } from './events.ts'
import { handOff } from './handoff/predecessor.ts'
import type { Membership } from './membership.ts'
import { Relays } from './relays.ts'
import type { Source } from './source/source.ts'

/** Throws what is wrong with the membership or the node, as a handoff would. Nothing leaves this machine and nothing is kept. */
export async function rehearse(membership: Membership, node: Node, clock: Clock): Promise<void> {
  await rehearseHandoff(membership, node, clock)
  await rehearseLink(node, clock)
}

/** A whole handoff of one chunk with nobody to take it. */
async function rehearseHandoff(membership: Membership, node: Node, clock: Clock): Promise<void> {
  await using relay = new Relays({ node, relays: [], certificate: () => membership.certificate(), clock })
  const limits = { lanes: [], reserveMs: 0, bytesMax: undefined, rateBytesPerSecondMax: undefined, keepMs: 1 }
  const common = { membership, node, relay, clock, events: new EventLog(clock), reason: 'rehearsal', deadlineMs: rehearsalMs }
  await handOff({ ...common, sources: [rehearsalSource()], limits })
}

function rehearsalSource(): Source {
  const name = 'rehearsal'
  return {
    name,
    kind: name,
    async warm() {},
    async *inventory() {
      yield [{ id: 'a', kind: 'data' as const, bytes: 1 }]
    },
    async *read(chunks) {
      yield chunks.map((chunk) => ({ chunk, offset: 0, chunkBytes: 1, bytes: new Uint8Array(1) }))
    },
    async [Symbol.asyncDispose]() {},
  }
}

/** What a claim waits for first. Done while the relay is being dialled, since it may have something at once. */
export async function rehearseOpening({ pool, secret, identity, certificate }: Membership, clock: Clock): Promise<void> {
  if (secret === undefined) return
  const { key, handoff, header } = await createHandoff({ pool, identity, certificate: certificate(), nowMs: clock.nowMs() })
  const plain = encodePack({ barrier: 0, sources: [], fragments: [], superseded: new PackSet() })
  const sealed = new PackSealer({ key, pool: pool.id, handoff }).seal(0, plain)
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
