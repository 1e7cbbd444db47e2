// The first frame of a transfer at the relay: who is it, what for, and is it theirs to do.

import { asHeirloomError, HeirloomError } from '../src/errors.ts'
import { refuse } from '../src/lane/refuse.ts'
import { helloTimeoutMs } from '../src/limits/lane.ts'
import { readHello, type HelloMessage } from '../src/transfer/messages.ts'
import type { Channel } from '../src/wire/channel.ts'
import { carry, type Way } from './carry.ts'
import { GetSession } from './get-session.ts'
import { PutSession } from './put-session.ts'
import { isLost } from './standing.ts'
import type { RelayCore } from './relay-core.ts'
import { expectSmallFrames } from './small-frames.ts'

export function acceptTransfer(core: RelayCore, channel: Channel, way: Way): void {
  const cancel = core.clock.after(helloTimeoutMs, () => channel.abort(new HeirloomError('timeout', 'no hello came')))
  void channel.closed.then(cancel)
  const gate = expectSmallFrames(core, channel)
  channel.onFrame((frame) => {
    cancel()
    channel.hold()
    gate[Symbol.dispose]()
    try {
      begin(core, channel, readHello(frame), way)
    } catch (thrown) {
      turnAway(core, channel, thrown)
    }
  })
}

function begin(core: RelayCore, channel: Channel, hello: HelloMessage, way: Way): void {
  const peer = channel.remotePeer
  const pool = core.presence.poolOf(peer)
  // Enrolment is on the control link, which may be a moment away after a lost connection: trying again helps.
  if (pool === undefined) throw new HeirloomError('busy', 'enrol first')
  if (core.draining) throw new HeirloomError('draining', 'this relay is going down')
  const key = { pool, handoff: Buffer.from(hello.handoff).toString('hex') }
  const record = core.rendezvous.find(key)
  if (record === undefined || (hello.role === 'sends' && record.predecessor !== peer))
    throw new HeirloomError('not-found', 'there is no such handoff here')
  if (record.finished || (hello.role === 'sends' && record.packs !== undefined))
    throw new HeirloomError('not-found', 'the handoff is closed')
  if (hello.role === 'sends') {
    if (isLost(record)) throw new HeirloomError('fenced', 'this standing handoff was claimed')
    core.rendezvous.attended(key)
    new PutSession(core, carry(core, channel, hello, way), key)
    return
  }
  if (!core.rendezvous.isHeir(key, peer, hello.epoch)) {
    // Told when the newer epoch is on disk.
    core.inOrder(key, () => turnAway(core, channel, new HeirloomError('fenced', 'this is not the heir of that handoff')))
    return
  }
  core.transfers.admitGet(key)
  new GetSession(core, carry(core, channel, hello, way), key, hello)
}

function turnAway(core: RelayCore, channel: Channel, thrown: unknown): void {
  const error = asHeirloomError(thrown)
  core.counts.refused(error.code)
  if (error.code === 'internal') core.onWarning(error)
  refuse(channel, error)
}
