// What a simulated relay has of packs in its memory, held against its bounds.

import { dataWindowBytes, windowBytes } from '../../src/limits/lane.ts'
import { readRoomBytes, relayWindowBytesTotal } from '../../src/limits/relay.ts'
import { packBytesMax } from '../../src/limits/wire.ts'
import type { RelayMachine } from './relay-machine.ts'
import type { Violate } from './result-checks.ts'
import type { TransferWatch } from './transfer-watch.ts'

/**
 * Packs on their way through a relay are in its memory: all that has come and is not acknowledged within the windows that it has told of and a pack, what
 * it has let in of that within its room or one pack alone, and what is on its way out within its room.
 */
export function checkMemory(relay: RelayMachine, transfers: Iterable<TransferWatch>, roomBytes: number, violate: Violate): void {
  const check = (what: string, bytes: number, bytesMax: number) => {
    if (bytes > bytesMax) violate("the relay's memory is bounded", `${bytes} bytes ${what}, there is room for ${bytesMax}`)
  }
  const open = [...transfers].filter(({ isOpen }) => isOpen)
  const bytesOf = (way: 'in' | 'out') => open.reduce((bytes, transfer) => bytes + transfer.relayBytes(relay.peerId, way), 0)
  const puts = open.filter((transfer) => transfer.relayBytes(relay.peerId, 'in') > 0).length
  check('have come', bytesOf('in'), promisedBytes(puts) + readRoomBytes)
  check('are on their way out', bytesOf('out'), Math.max(roomBytes, readRoomBytes))
  const core = relay.relay?.core
  if (core === undefined) return
  const { takenBytes } = core.transfers.roomIn
  check('are let in', takenBytes, Math.max(roomBytes, packBytesMax))
  check('are written', relay.writingBytes, takenBytes)
}

/** Each of so many transfers has an even share of the windows, but those that were told of theirs when they were fewer have that still. */
function promisedBytes(transfers: number): number {
  const mostBytes = Math.max(windowBytes, dataWindowBytes)
  let bytes = 0
  for (let open = 1; open <= transfers; open++) bytes += Math.min(mostBytes, relayWindowBytesTotal / open)
  return bytes
}
