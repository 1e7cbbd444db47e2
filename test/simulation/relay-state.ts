// What a relay has, as far as somebody still has to do something about it.

import type { RelayCore } from '../../relay/relay-core.ts'
import type { HandoffKey, HandoffRecord } from '../../relay/store/store.ts'
import type { PeerMachine } from './peer-machine.ts'

/** Somebody ought to inherit it. */
export function isInheritable(core: RelayCore, record: HandoffRecord, peers: readonly PeerMachine[]): boolean {
  const { key, heir } = record
  // What stands is nobody's while its predecessor is there.
  if (record.ahead?.standing === true && record.epoch === 0 && core.presence.isPresent(record.predecessor)) return false
  if (peers.every((peer) => !peer.isRunning || peer.stale.has(key.handoff))) return false
  const hasPacks = core.packs.have(key).size > 0
  if (!hasPacks && !core.rendezvous.mayGrow(record)) return false
  return (
    heir === undefined || !core.presence.isPresent(heir) || peers.some((peer) => peer.isRunning && peer.options.identity.peerId === heir)
  )
}

/** Handoffs that are over, and still have packs in the store. */
export function leftBehind({ packs, rendezvous }: RelayCore): HandoffKey[] {
  return [...packs.list()].map(({ key }) => key).filter((key) => rendezvous.find(key)?.finished ?? true)
}
