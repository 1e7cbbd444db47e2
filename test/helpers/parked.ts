// A predecessor's packs in a test relay's store.

import { readAcknowledge } from '../../src/transfer/messages.ts'
import { frameType } from '../../src/wire/frame.ts'
import type { RelayPeer, TestTransfer } from './relay-peer.ts'

/** What each of them has. */
export const parkedBytes = 1000

export async function openPut(peer: RelayPeer, handoff: Uint8Array): Promise<TestTransfer> {
  const put = peer.transfer({ handoff, role: 'sends' })
  await put.next(frameType.welcome)
  return put
}

/** Puts these packs and waits until they are acknowledged. */
export async function park(peer: RelayPeer, handoff: Uint8Array, ...numbers: number[]): Promise<TestTransfer> {
  const put = await openPut(peer, handoff)
  for (const number of numbers) put.pack(number, parkedBytes)
  let acknowledged = 0
  while (acknowledged < numbers.length) acknowledged += readAcknowledge(await put.next(frameType.acknowledge)).packs.size
  return put
}
