// The walk before protobuf's own decoder: what passes it, the decoder reads the same way; what doesn't is refused without taking memory.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FragmentSchema, PackHeadSchema } from '../../src/wire/gen/pack_pb.ts'
import { SignedSchema } from '../../src/wire/gen/seal_pb.ts'
import { AcknowledgeSchema } from '../../src/wire/gen/transfer_pb.ts'
import { readMessage } from '../../src/wire/message.ts'
import { refused, survives } from '../helpers/refusal.ts'

const test = suite('messages')
const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
const limits = { sources: 2, fragments: 3, superseded: 4 }
const head = create(PackHeadSchema, {
  barrier: 300,
  sources: [{ source: 1, name: 'models', kind: 'directory', chunks: 5n, bytes: 6n, readProbability: 0.5 }],
  fragments: [{ source: 1, id: bytesOf('61'), metadata: true, offset: 1n, bytes: 2, chunkBytes: 3n, version: 'v', readProbability: 1 }, {}],
  superseded: [1, 300],
})

test('a message is read as it was written', () => {
  assert.equal(
    toBinary(PackHeadSchema, readMessage(PackHeadSchema, toBinary(PackHeadSchema, head), 'a head', limits)),
    toBinary(PackHeadSchema, head),
  )
})

test('unknown fields of every kind are skipped', () => {
  for (const unknown of ['f80105', 'f9010102030405060708', 'fa0103616263', 'fb010801fc01', 'fd0101020304']) {
    assert.is(readMessage(PackHeadSchema, bytesOf(`0807${unknown}`), 'a head').barrier, 7)
  }
})

test('a field with another wire type than its own is refused', () => {
  for (const [number, right] of [
    [1, 0],
    [2, 2],
    [3, 2],
    [4, 2],
  ] as const) {
    for (const wireType of [0, 1, 2, 3, 4, 5, 6, 7]) {
      if (wireType === right) continue
      refused(
        () => readMessage(PackHeadSchema, bytesOf(`${Buffer.of((number << 3) | wireType).toString('hex')}000000000000000000`), 'a head'),
        'malformed',
      )
    }
  }
  refused(() => readMessage(FragmentSchema, bytesOf('48000000000000000000'), 'a fragment'), 'malformed')
})

test('a part that runs beyond its whole is refused', () => {
  // A fragment of 2 bytes with an id of 5; a summary that is longer than the message; a packed list that ends within a number.
  for (const hex of ['1a0212050102030405', '120a0801', '2a020180', '2a0201'])
    refused(() => readMessage(PackHeadSchema, bytesOf(hex), 'a head'), 'malformed')
})

test('lists are counted however they are written', () => {
  const many = (hex: string, times: number) => bytesOf(hex.repeat(times))
  assert.is(readMessage(PackHeadSchema, many('1a00', 3), 'a head', limits).fragments.length, 3)
  refused(() => readMessage(PackHeadSchema, many('1a00', 4), 'a head', limits), 'too-large')
  refused(() => readMessage(PackHeadSchema, many('1200', 3), 'a head', limits), 'too-large')
  assert.equal(readMessage(PackHeadSchema, bytesOf('2a0301ac0228052a0106'), 'a head', limits).superseded, [1, 300, 5, 6])
  refused(() => readMessage(PackHeadSchema, bytesOf('2a0301ac0228052a020607'), 'a head', limits), 'too-large')
})

test('arbitrary bytes are refused or mean the same to the decoder, and then keep their limits', () => {
  const byte = fc.oneof(fc.constantFrom(0x08, 0x0a, 0x12, 0x1a, 0x22, 0x2a, 0x28, 0, 1, 2, 3, 0x80), fc.nat(255))
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 40 }), (raw) => {
      const bytes = Uint8Array.from(raw)
      for (const schema of [PackHeadSchema, FragmentSchema, SignedSchema, AcknowledgeSchema])
        survives(() => readMessage(schema, bytes, 'a message', limits))
      survives(() => {
        const read = readMessage(PackHeadSchema, bytes, 'a head', limits)
        assert.ok(read.fragments.length <= 3 && read.sources.length <= 2 && read.superseded.length <= 4)
        assert.equal(read, fromBinary(PackHeadSchema, toBinary(PackHeadSchema, read)))
      })
    }),
    { numRuns: 2000 },
  )
})

test.run()
