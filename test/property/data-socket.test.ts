// What comes by a data socket may be anything, in any pieces.
// runs on: node, deno

import { connect } from 'node:net'
import { once } from 'node:events'
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../src/clock.ts'
import { DataPort, dataPreamble } from '../../src/lane/data-port.ts'
import { PackAssembler } from '../../src/lane/pack-assembler.ts'
import { PackBuffers } from '../../src/wire/pack-buffers.ts'
import { packTagBytes, PackTags } from '../../src/lane/pack-tags.ts'
import { packBytesMax } from '../../src/limits/wire.ts'
import { readHello, readPosition, readWelcome } from '../../src/transfer/messages.ts'
import { encodeFrame, frameType, joinBody, makeFrame } from '../../src/wire/frame.ts'
import { refused, survives } from '../helpers/refusal.ts'

const test = suite('data socket')

const key = new Uint8Array(32).fill(3)
const bodies = fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 6 })
const sizes = fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1, maxLength: 5 })

/** The frames as they go over a socket, with tags if there is a key. */
function written(parts: readonly Uint8Array[], withKey: boolean): Buffer[] {
  const tags = withKey ? new PackTags(key) : undefined
  return parts.map((body) => Buffer.concat([...encodeFrame(makeFrame(frameType.pack, body)), ...(tags ? [tags.next([body])] : [])]))
}

function assembler(withKey: boolean) {
  const got: string[] = []
  const frames = new PackAssembler({
    buffers: new PackBuffers(),
    key: withKey ? key : undefined,
    onFrame(frame) {
      got.push(Buffer.from(joinBody(frame)).toString('hex'))
      frame.free!()
    },
  })
  return { got, frames }
}

const hex = (body: Uint8Array) => Buffer.from(body).toString('hex')

test('any splitting of the bytes gives the same packs, pushed or read in place', () => {
  fc.assert(
    fc.property(bodies, sizes, fc.boolean(), fc.boolean(), (parts, cuts, withKey, inPlace) => {
      const bytes = Buffer.concat(written(parts, withKey))
      const { got, frames } = assembler(withKey)
      for (let at = 0, index = 0; at < bytes.byteLength; index++) {
        const space = inPlace ? frames.space() : undefined
        const piece = bytes.subarray(at, at + Math.min(cuts[index % cuts.length]!, space?.byteLength ?? Infinity))
        space?.set(piece)
        if (space === undefined) frames.push(piece)
        else frames.filled(piece.byteLength)
        at += piece.byteLength
      }
      assert.equal(got, parts.map(hex))
      assert.ok(frames.clean)
    }),
  )
})

test('a byte that was altered anywhere behind the head is refused where packs have tags', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.nat(), fc.integer({ min: 1, max: 255 }), (body, at, flip) => {
      const [frame] = written([body], true)
      frame![5 + (at % (frame!.byteLength - 5))]! ^= flip
      const { got, frames } = assembler(true)
      refused(() => frames.push(frame!), 'unauthorised')
      assert.equal(got, [])
    }),
  )
})

test('packs that were swapped, repeated, left out or taken from another socket are refused where they have tags', () => {
  const [first, second] = written([new Uint8Array(50).fill(1), new Uint8Array(50).fill(2)], true) as [Buffer, Buffer]
  const length = first.byteLength - packTagBytes
  const crossed = Buffer.concat([first.subarray(0, length), second.subarray(length)])
  for (const bytes of [[second, first], [first, first], [second], [crossed]]) {
    const { frames } = assembler(true)
    refused(() => frames.push(Buffer.concat(bytes)), 'unauthorised')
  }
})

test('a torn pack is neither handed on nor taken for a clean end', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), fc.boolean(), (body, at, withKey) => {
      const [frame] = written([body], withKey)
      const { got, frames } = assembler(withKey)
      frames.push(frame!.subarray(0, 1 + (at % (frame!.byteLength - 1))))
      assert.equal(got, [])
      assert.not.ok(frames.clean)
    }),
  )
})

test('arbitrary bytes never crash it, and nothing but a pack of an allowed length takes memory', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 30 })), fc.boolean(), (pieces, withKey) => {
      const { frames } = assembler(withKey)
      for (const piece of pieces) if (!survives(() => frames.push(piece))) return
    }),
  )
  fc.assert(
    fc.property(fc.integer({ min: packBytesMax + 2, max: 0xffffffff }), (length) => {
      const head = Buffer.alloc(5, frameType.pack)
      head.writeUInt32BE(length)
      refused(() => assembler(true).frames.push(head), 'too-large')
    }),
  )
  for (const type of Object.values(frameType)) {
    if (type === frameType.pack) continue
    refused(() => assembler(false).frames.push(Buffer.from([0, 0, 0, 1, type])), 'malformed')
  }
})

test('arbitrary bytes as hello, welcome or position are read or refused', () => {
  const byte = fc.oneof(fc.constantFrom(0x3a, 0x22, 0x08, 0x12, 0x1a, 0, 1, 32), fc.nat(255))
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 120 }), (raw) => {
      const bytes = Uint8Array.from(raw)
      survives(() => readHello(makeFrame(frameType.hello, bytes)))
      survives(() => readWelcome(makeFrame(frameType.welcome, bytes)))
      survives(() => readPosition(makeFrame(frameType.position, bytes)))
    }),
    { numRuns: 1000 },
  )
})

test('arbitrary bytes on a data port end that socket and nothing else', async () => {
  await using port = await DataPort.open({ host: '127.0.0.1', port: 0, clock: systemClock })
  let taken = 0
  using expected = port.expect((socket) => {
    taken++
    socket.destroy()
  })
  const almost = fc.uint8Array({ minLength: 1, maxLength: 60 }).map((tail) => Buffer.concat([dataPreamble(tail), Buffer.alloc(36)]))
  const junk = fc.sample(fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 60 }), almost), { numRuns: 60, seed: 7 })
  for (const bytes of junk) {
    const socket = connect({ host: '127.0.0.1', port: port.port })
    socket.on('error', () => {})
    socket.resume()
    // The end of what this side says tells the port that no token comes.
    socket.end(bytes)
    await once(socket, 'close')
  }
  assert.is(taken, 0)
  const socket = connect({ host: '127.0.0.1', port: port.port })
  socket.on('error', () => {})
  socket.resume()
  socket.write(dataPreamble(expected.token))
  await once(socket, 'close')
  assert.is(taken, 1)
})

test.run()
