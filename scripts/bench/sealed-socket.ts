// Packs that are sealed, go over a data socket and are opened, by what the fast lane has for each, with no handoff around it: nothing is planned,
// acknowledged or kept.

import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { systemClock } from '../../src/clock.ts'
import { dialData } from '../../src/lane/data-dial.ts'
import { PackAssembler } from '../../src/lane/pack-assembler.ts'
import { PackWriter } from '../../src/lane/pack-writer.ts'
import { PackOpener, PackSealer, type OpenedPack, type PackKey } from '../../src/seal/pack-seal.ts'
import { frameType, makeFrame } from '../../src/wire/frame.ts'
import { PackBuffers } from '../../src/wire/pack-buffers.ts'
import type { Tell } from './bare.ts'

/** Both ends know it. */
const key: PackKey = { key: new Uint8Array(32), pool: new Uint8Array(32), handoff: new Uint8Array(16) }

/** Waits for the receiver's connection on loopback; `make` gives it packs, and the socket ends after the last. */
export async function sendPacks(
  make: (send: (pieces: readonly Uint8Array[]) => Promise<void>) => Promise<void>,
  tell: Tell,
  signal: AbortSignal,
): Promise<void> {
  const server = createServer({ noDelay: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  tell('listening', { port: (server.address() as AddressInfo).port })
  const [socket] = (await once(server, 'connection', { signal })) as [Socket]
  server.close()
  const writer = new PackWriter(systemClock, (error) => socket.destroy(error))
  writer.open(socket, undefined)
  const sealer = new PackSealer(key)
  let number = 0
  await make(async (plain) => {
    const { pieces, free } = sealer.seal(number++, plain)
    const hasRoom = writer.write(makeFrame(frameType.pack, pieces))
    writer.letGo(pieces, free!)
    if (!hasRoom) await writer.drained()
  })
  socket.end()
  socket.resume()
  await once(socket, 'close', { signal })
  writer.end()
}

/** Opens what comes from there; resolves at its end. */
export async function receivePacks(port: number, take: (pack: OpenedPack) => void, signal: AbortSignal): Promise<void> {
  const opener = new PackOpener(key)
  const assembler = new PackAssembler({
    buffers: new PackBuffers(),
    key: undefined,
    onFrame(frame) {
      take(opener.open(frame.body))
      frame.free?.()
    },
  })
  const reader = { space: () => assembler.space(), filled: (bytes: number) => assembler.filled(bytes) }
  await once(dialData({ host: '127.0.0.1', port }, reader), 'close', { signal })
}
