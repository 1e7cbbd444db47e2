// Counts what a pack store is writing: those packs are in the relay's memory, whatever it says itself.

import type { PackStore } from '../../relay/store/store.ts'

export interface WriteWatch {
  readonly bytes: number
}

export function watchWrites(packs: PackStore): WriteWatch {
  const put = packs.put.bind(packs)
  const watch = { bytes: 0 }
  packs.put = async (key, number, sealed, options) => {
    const bytes = sealed.reduce((sum, { byteLength }) => sum + byteLength, 0)
    let isHeld = true
    const letGo = () => {
      if (isHeld) watch.bytes -= bytes
      isHeld = false
    }
    const onWritten = () => {
      letGo()
      options?.onWritten?.()
    }
    watch.bytes += bytes
    try {
      await put(key, number, sealed, { onWritten })
    } finally {
      letGo()
    }
  }
  return watch
}
