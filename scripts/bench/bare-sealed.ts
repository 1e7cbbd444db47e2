// What packs of 1 MiB move that are sealed, go over a data socket and are opened, by what the fast lane has for each, with no handoff around it: nothing
// is planned, acknowledged, kept or restored. No lane of this runtime's ciphers and sockets is faster.

import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { systemClock } from '../../src/clock.ts'
import { dialData } from '../../src/lane/data-dial.ts'
import { PackAssembler } from '../../src/lane/pack-assembler.ts'
import { PackWriter } from '../../src/lane/pack-writer.ts'
import { PackOpener, PackSealer, type PackKey } from '../../src/seal/pack-seal.ts'
import { frameType, makeFrame } from '../../src/wire/frame.ts'
import { PackBuffers } from '../../src/wire/pack-buffers.ts'
import type { Tell } from './bare.ts'
import { mebibyte, randomBodies } from './memory-state.ts'
import { Meter } from './meter.ts'

/** Both ends know it. */
const key: PackKey = { key: new Uint8Array(32), pool: new Uint8Array(32), handoff: new Uint8Array(16) }

/** Waits for the receiver's connection on loopback, and sends `count` packs as fast as the socket takes them. */
export async function sendSealed(count: number, tell: Tell, signal: AbortSignal): Promise<void> {
  const server = createServer({ noDelay: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  tell('listening', { port: (server.address() as AddressInfo).port })
  const [socket] = (await once(server, 'connection', { signal })) as [Socket]
  server.close()
  const writer = new PackWriter(systemClock, (error) => socket.destroy(error))
  writer.open(socket, undefined)
  const sealer = new PackSealer(key)
  const bodies = randomBodies()
  const meter = new Meter()
  for (let number = 0; number < count; number++) {
    const { pieces, free } = sealer.seal(number, [bodies[number % bodies.length]!])
    const hasRoom = writer.write(makeFrame(frameType.pack, pieces))
    writer.letGo(pieces, free!)
    meter.add(mebibyte)
    if (!hasRoom) await writer.drained()
  }
  socket.end()
  socket.resume()
  await once(socket, 'close', { signal })
  writer.end()
  tell('rate', { cpuMsPerMebibyte: meter.cpuMsPerMebibyte })
}

/** Opens and drops what comes from there, and tells how fast it came. */
export async function receiveSealed(port: number, tell: Tell, signal: AbortSignal): Promise<void> {
  const opener = new PackOpener(key)
  const meter = new Meter()
  const assembler = new PackAssembler({
    buffers: new PackBuffers(),
    key: undefined,
    onFrame(frame) {
      const { plain, free } = opener.open(frame.body)
      meter.add(plain.byteLength)
      free()
      frame.free?.()
    },
  })
  const reader = { space: () => assembler.space(), filled: (bytes: number) => assembler.filled(bytes) }
  await once(dialData({ host: '127.0.0.1', port }, reader), 'close', { signal })
  tell('rate', { megabytesPerSecond: meter.megabytesPerSecond, cpuMsPerMebibyte: meter.cpuMsPerMebibyte })
}
