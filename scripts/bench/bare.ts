// The baseline: what one bare libp2p stream (TCP, Noise, Yamux) moves from one process to another, with frames as large as packs and
// nothing of Heirloom above it: no sealing, no credit, no acknowledgement.

import { randomBytes } from 'node:crypto'
import { HeirloomError } from '../../src/errors.ts'
import { createNode } from '../../src/net/node.ts'
import { frameType, makeFrame } from '../../src/wire/frame.ts'
import { randomBodies } from './memory-state.ts'
import { Meter } from './meter.ts'

const protocol = '/heirloom/bench/1'

export interface Tell {
  (event: string, fields: object): void
}

/** Listens, drops what comes, and tells at the end of the stream how fast it came. */
export async function receiveBare(tell: Tell): Promise<void> {
  await using node = await createNode({ seed: new Uint8Array(randomBytes(32)), listen: ['/ip4/127.0.0.1/tcp/0'] })
  const ended = Promise.withResolvers<Error | undefined>()
  const meter = new Meter()
  await node.handle(protocol, (channel) => {
    channel.onFrame((frame) => meter.add(frame.bytes))
    void channel.closed.then(ended.resolve)
  })
  tell('listening', { address: node.addresses()[0] })
  const error = await ended.promise
  if (error !== undefined) throw error
  tell('rate', { megabytesPerSecond: meter.megabytesPerSecond, bytes: meter.bytes })
}

/** Sends `count` frames of 1 MiB as fast as the stream drains. */
export async function sendBare(address: string, count: number, signal: AbortSignal): Promise<void> {
  await using node = await createNode({ seed: new Uint8Array(randomBytes(32)), listen: [] })
  const channel = await node.open([address], protocol, { signal })
  const frames = randomBodies().map((body) => makeFrame(frameType.pack, body))
  for (let sent = 0; sent < count; sent++) {
    if (!channel.send(frames[sent % frames.length]!)) await channel.drained()
  }
  await channel.close()
  const error = await channel.closed
  if (error !== undefined) throw new HeirloomError('link-lost', 'the bare stream broke', { cause: error })
}
