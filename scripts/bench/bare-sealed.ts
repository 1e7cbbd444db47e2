// What packs of 1 MiB move from memory to memory through a sealed socket. No lane of this runtime's ciphers and sockets is faster.

import type { Tell } from './bare.ts'
import { mebibyte, randomBodies } from './memory-state.ts'
import { Meter } from './meter.ts'
import { receivePacks, sendPacks } from './sealed-socket.ts'

/** Sends `count` packs as fast as the socket takes them. */
export async function sendSealed(count: number, tell: Tell, signal: AbortSignal): Promise<void> {
  const bodies = randomBodies()
  const meter = new Meter()
  await sendPacks(
    async (send) => {
      for (let number = 0; number < count; number++) {
        meter.add(mebibyte)
        await send([bodies[number % bodies.length]!])
      }
    },
    tell,
    signal,
  )
  tell('rate', { cpuMsPerMebibyte: meter.cpuMsPerMebibyte })
}

/** Opens and drops what comes from there, and tells how fast it came. */
export async function receiveSealed(port: number, tell: Tell, signal: AbortSignal): Promise<void> {
  const meter = new Meter()
  await receivePacks(
    port,
    ({ plain, free }) => {
      meter.add(plain.byteLength)
      free()
    },
    signal,
  )
  tell('rate', { megabytesPerSecond: meter.megabytesPerSecond, cpuMsPerMebibyte: meter.cpuMsPerMebibyte })
}
