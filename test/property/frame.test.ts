// Frames, however the bytes are cut: the same frames come out, nothing is kept for a frame that is refused, and memory follows the bytes that came.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { controlFrameBytesMax, packBytesMax } from '../../src/limits/wire.ts'
import { encodeFrame, FrameDecoder, frameType, joinBody, makeFrame, type Frame } from '../../src/wire/frame.ts'
import { refused, survives } from '../helpers/refusal.ts'

const test = suite('frames')

const types = Object.values(frameType)
const frames = fc.array(
  fc.record({
    type: fc.constantFrom(...types),
    body: fc.array(fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 4000, maxLength: 9000 })), { maxLength: 4 }),
  }),
  { maxLength: 6 },
)

/** Cuts bytes into pieces of these sizes, again and again. */
function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let at = 0, index = 0; at < bytes.byteLength; index++) {
    const size = sizes[index % sizes.length]!
    pieces.push(bytes.slice(at, at + size))
    at += size
  }
  return pieces
}

function head(length: number, type: number): Uint8Array {
  const bytes = new Uint8Array(5)
  new DataView(bytes.buffer).setUint32(0, length)
  bytes[4] = type
  return bytes
}

const plain = (frame: Frame) => ({ type: frame.type, bytes: frame.bytes, body: Buffer.from(joinBody(frame)).toString('hex') })

test('any splitting of the bytes gives the same frames', () => {
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 5 }), (sent, sizes) => {
      const made = sent.map(({ type, body }) => makeFrame(type, body))
      const bytes = new Uint8Array(Buffer.concat(made.flatMap(encodeFrame)))
      const decoder = new FrameDecoder()
      const got = cut(bytes, sizes).flatMap((piece) => decoder.push(piece))
      assert.equal(got.map(plain), made.map(plain))
      assert.ok(decoder.clean)
    }),
  )
})

test('a torn frame is neither handed on nor taken for a clean end', () => {
  fc.assert(
    fc.property(fc.constantFrom(...types), fc.uint8Array({ maxLength: 200 }), fc.nat(), (type, body, at) => {
      const bytes = Buffer.concat(encodeFrame(makeFrame(type, body)))
      const torn = 1 + (at % (bytes.byteLength - 1))
      const decoder = new FrameDecoder()
      assert.is(decoder.push(bytes.subarray(0, torn)).length, 0)
      assert.not.ok(decoder.clean)
    }),
  )
})

test('a length over the limit is refused with the fifth byte, before any of the body comes', () => {
  const most = (type: number) => (type === frameType.pack ? packBytesMax : controlFrameBytesMax)
  fc.assert(
    fc.property(fc.constantFrom(...types), fc.integer({ min: 0, max: 0xffffffff }), (type, raw) => {
      const length = Math.max(most(type) + 2, raw)
      const bytes = head(length, type)
      const decoder = new FrameDecoder()
      assert.is(decoder.push(bytes.subarray(0, 4)).length, 0)
      refused(() => decoder.push(bytes.subarray(4)), 'too-large')
    }),
  )
  for (const type of types) assert.is(new FrameDecoder().push(head(most(type) + 1, type)).length, 0)
})

test('an unknown type is refused, whatever its length', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 0xffffffff }), (type, length) => {
      fc.pre(!types.includes(type as never))
      refused(() => new FrameDecoder().push(head(length, type)), 'malformed')
    }),
  )
})

test('arbitrary bytes in arbitrary pieces never crash the decoder', () => {
  const nearlyFrames = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 30 }),
      fc.tuple(fc.nat(12), fc.nat(10)).map(([length, type]) => head(length, type)),
    ),
  )
  fc.assert(
    fc.property(nearlyFrames, (pieces) => {
      const decoder = new FrameDecoder()
      for (const piece of pieces) if (!survives(() => decoder.push(piece))) return
    }),
  )
})

test('a frame keeps no more than twice the bytes that came for it, however small and large pieces take turns', () => {
  const decoder = new FrameDecoder()
  const small = 1
  const large = 4096
  const rounds = 200
  decoder.push(head(rounds * (small + large) + 1, frameType.pack))
  const got: Frame[] = []
  for (let round = 0; round < rounds; round++) got.push(...decoder.push(new Uint8Array(small)), ...decoder.push(new Uint8Array(large)))
  assert.is(got.length, 1)
  const kept = new Set(got[0]!.body.map((piece) => piece.buffer))
  const keptBytes = [...kept].reduce((sum, buffer) => sum + buffer.byteLength, 0)
  assert.ok(keptBytes <= 2 * got[0]!.bytes, `kept ${keptBytes} bytes for ${got[0]!.bytes}`)
})

test('a body that comes byte by byte is kept in few pieces', () => {
  const decoder = new FrameDecoder()
  const bytes = 150_000
  decoder.push(head(bytes + 1, frameType.pack))
  let frame: Frame | undefined
  for (let index = 0; index < bytes; index++) [frame] = decoder.push(Uint8Array.of(index & 0xff))
  assert.ok(frame !== undefined && frame.body.length <= 3)
  assert.ok(joinBody(frame).every((byte, index) => byte === (index & 0xff)))
})

test.run()
