// A record store in memory, for tests and the simulator: the port's contract without a disk.

import { HeirloomError } from '../../src/errors.ts'
import { keyText } from './handoff-key.ts'
import type { HandoffKey, HandoffRecord, RecordStore } from './store.ts'

export function createMemoryRecordStore(): RecordStore {
  const records = new Map<string, HandoffRecord>()
  let isClosed = false
  /** Effects come in a later turn, as on a disk, in the order of the calls. */
  const later = async (effect: () => void) => {
    if (isClosed) throw new HeirloomError('draining', 'the store is closed')
    await Promise.resolve()
    effect()
  }
  return {
    list: () => records.values(),
    save(record) {
      const copy = { ...record, header: new Uint8Array(record.header) }
      return later(() => records.set(keyText(record.key), copy))
    },
    delete: (key: HandoffKey) => later(() => records.delete(keyText(key))),
    async [Symbol.asyncDispose]() {
      isClosed = true
    },
  }
}
