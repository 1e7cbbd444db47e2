// The baseline: what one libp2p stream (TCP, Noise, Yamux) moves from one process to another, with frames as large as packs and nothing of
// Heirloom above it: no sealing, no credit, no acknowledgement. Once as libp2p comes, in a Node as it comes; and once over Heirloom's own
// link, in a process that is launched as Heirloom's are.

import { randomBytes } from 'node:crypto'
import { noise } from '@chainsafe/libp2p-noise'
import type { Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'
import { delay, systemClock } from '../../src/clock.ts'
import { HeirloomError } from '../../src/errors.ts'
import { createNode } from '../../src/net/node.ts'
import { frameType, makeFrame } from '../../src/wire/frame.ts'
import { randomBodies } from './memory-state.ts'
import { Meter } from './meter.ts'

const protocol = '/heirloom/bench/1'
const anyPort = '/ip4/127.0.0.1/tcp/0'

/** The one setting that differs from libp2p's own: with its first window of 256 KiB it would mostly wait. */
const streamOptions = { initialStreamWindowSize: 4 * 1024 * 1024 }

/** How long the sender's goodbye may take. */
const goodbyeMs = 2_000

export interface Tell {
  (event: string, fields: object): void
}

/** Listens, drops what comes, and tells at the end of the stream how fast it came. */
export async function receiveBare(tell: Tell): Promise<void> {
  const node = await stockNode([anyPort])
  const ended = Promise.withResolvers<Error | undefined>()
  const meter = new Meter()
  await node.handle(protocol, (stream) => {
    stream.addEventListener('message', ({ data }) => meter.add(data.byteLength))
    stream.addEventListener('remoteCloseWrite', () => void stream.close())
    stream.addEventListener('close', ({ error }) => ended.resolve(error))
  })
  tell('listening', { address: node.getMultiaddrs()[0]!.toString() })
  // The sender hangs up: a receiver that goes first leaves it waiting for the end of its stream.
  const hungUp = new Promise((resolve) => node.addEventListener('connection:close', resolve, { once: true }))
  await finish(tell, meter, ended.promise)
  await hungUp
  await node.stop()
}

/** Sends `count` messages of 1 MiB as fast as the stream drains. */
export async function sendBare(address: string, count: number, signal: AbortSignal): Promise<void> {
  const node = await stockNode([])
  const stream: Stream = await node.dialProtocol(multiaddr(address), protocol, { signal })
  const bodies = randomBodies()
  for (let sent = 0; sent < count; sent++) {
    // Between a full stream and the wait it may have drained.
    if (!stream.send(bodies[sent % bodies.length]!) && stream.writableNeedsDrain) await drainedOrClosed(stream)
  }
  // What counts is the receiver's; libp2p may wait for the end of a connection that has ended.
  await Promise.race([stream.close({ signal }).then(() => node.stop()), delay(systemClock, goodbyeMs, signal)])
}

function drainedOrClosed(stream: Stream): Promise<unknown> {
  return new Promise((resolve) => {
    for (const event of ['drain', 'close'] as const) stream.addEventListener(event, resolve, { once: true })
  })
}

/** As receiveBare, over the link that Heirloom makes of libp2p. */
export async function receiveLink(tell: Tell): Promise<void> {
  await using node = await createNode({ seed: new Uint8Array(randomBytes(32)), listen: [anyPort] })
  const ended = Promise.withResolvers<Error | undefined>()
  const meter = new Meter()
  await node.handle(protocol, (channel) => {
    channel.onFrame((frame) => meter.add(frame.bytes))
    void channel.closed.then(ended.resolve)
  })
  tell('listening', { address: node.addresses()[0] })
  await finish(tell, meter, ended.promise)
}

/** As sendBare, over the link that Heirloom makes of libp2p. */
export async function sendLink(address: string, count: number, signal: AbortSignal): Promise<void> {
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

function stockNode(listen: readonly string[]): Promise<Libp2p> {
  return createLibp2p({
    addresses: { listen: [...listen] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ streamOptions })],
  })
}

async function finish(tell: Tell, meter: Meter, ended: Promise<Error | undefined>): Promise<void> {
  const error = await ended
  if (error !== undefined) throw error
  tell('rate', { megabytesPerSecond: meter.megabytesPerSecond, bytes: meter.bytes })
}
