// What comes over links: frames with their messages, whole streams of them, pack sets, and the socket's packs.

import { create, toBinary, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf'
import { PackAssembler } from '../../../src/lane/pack-assembler.ts'
import { PackBuffers } from '../../../src/wire/pack-buffers.ts'
import { errorFromStatus } from '../../../src/errors.ts'
import {
  decodeMessage,
  readAcknowledge,
  readDemand,
  readEnd,
  readFailure,
  readHello,
  readPosition,
  readWelcome,
} from '../../../src/transfer/messages.ts'
import { TransferReceiver } from '../../../src/transfer/receiver.ts'
import { TransferSender } from '../../../src/transfer/sender.ts'
import { FieldReader } from '../../../src/wire/field-reader.ts'
import { FrameDecoder, frameType, type Frame } from '../../../src/wire/frame.ts'
import { packBytesMax, packsMax } from '../../../src/limits/wire.ts'
import { packNumber } from '../../../src/seal/pack-seal.ts'
import { RelayMessageSchema, RequestSchema } from '../../../src/wire/gen/control_pb.ts'
import {
  AcknowledgeSchema,
  DemandSchema,
  EndSchema,
  FailureSchema,
  HelloSchema,
  PositionSchema,
  WelcomeSchema,
} from '../../../src/wire/gen/transfer_pb.ts'
import { PackSet } from '../../../src/wire/pack-set.ts'
import { frameBytes } from '../shapes/frames.ts'
import { must, type Target } from '../target.ts'

const id = new Uint8Array(16).fill(7)
const token = new Uint8Array(32).fill(9)
const certificate = new Uint8Array(300).fill(3)
const data = { port: 4000, token, key: token }

function frame<Desc extends DescMessage>(type: number, schema: Desc, fields: MessageInitShape<Desc>): Uint8Array {
  return frameBytes(type, toBinary(schema, create(schema, fields)))
}

const request = (verb: MessageInitShape<typeof RequestSchema>['verb']) => frame(frameType.request, RequestSchema, { id: 1, verb: verb! })
const said = (message: MessageInitShape<typeof RelayMessageSchema>['message']) =>
  frame(frameType.relayMessage, RelayMessageSchema, { message: message! })
const assignment = { handoff: id, epoch: 3, header: certificate, addresses: ['/ip4/10.0.0.1/tcp/1'], live: true }

/** One of every kind. */
function everyFrame(): Uint8Array[] {
  return [
    request({ case: 'enrol', value: { certificate, addresses: ['/ip4/10.0.0.1/tcp/1'] } }),
    request({ case: 'offer', value: { handoff: id, header: certificate, deadlineMs: 30_000n, keepMs: 1n } }),
    request({ case: 'wait', value: {} }),
    request({ case: 'claim', value: { handoff: id, epoch: 2 } }),
    request({ case: 'close', value: { handoff: id, packs: 12 } }),
    request({ case: 'finish', value: { handoff: id, epoch: 2, released: true } }),
    said({
      case: 'response',
      value: { id: 1, status: 0, result: { case: 'enrolled', value: { leaseMs: 1n, nowMs: 2n, keepMsMax: 3n, dataPort: 4 } } },
    }),
    said({ case: 'response', value: { id: 2, status: 14, detail: 'fenced' } }),
    said({ case: 'response', value: { id: 3, result: { case: 'assignment', value: assignment } } }),
    said({ case: 'notification', value: { event: { case: 'assigned', value: assignment } } }),
    frame(frameType.hello, HelloSchema, { handoff: id, role: 1, epoch: 3, certificate, have: [0, 3, 2, 5], windowBytes: 1n << 20n, data }),
    frame(frameType.welcome, WelcomeSchema, { certificate, have: [1, 1], windowBytes: 8n << 20n, data }),
    frame(frameType.acknowledge, AcknowledgeSchema, { packs: [0, 2, 1, 1], windowBytes: 1n << 20n }),
    frame(frameType.demand, DemandSchema, { packs: [4, 4] }),
    frame(frameType.end, EndSchema, { packs: 12, closed: true }),
    frame(frameType.failure, FailureSchema, { status: 14, detail: 'no' }),
    frame(frameType.position, PositionSchema, { packs: 12n }),
    frameBytes(frameType.pack, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 5, ...new Uint8Array(40))),
  ]
}

function readAny(frame: Frame): void {
  if (frame.type === frameType.request) decodeMessage(RequestSchema, frame)
  else if (frame.type === frameType.relayMessage) {
    const { message } = decodeMessage(RelayMessageSchema, frame)
    if (message.case === 'response') errorFromStatus(message.value.status, message.value.detail)
  } else if (frame.type === frameType.hello) readHello(frame)
  else if (frame.type === frameType.welcome) readWelcome(frame)
  else if (frame.type === frameType.pack) packNumber(frame.body)
  else if (frame.type === frameType.acknowledge) readAcknowledge(frame)
  else if (frame.type === frameType.demand) readDemand(frame)
  else if (frame.type === frameType.end) must(readEnd(frame).packs <= packsMax, 'an end with more packs than a handoff has')
  else if (frame.type === frameType.failure) readFailure(frame)
  else must(readPosition(frame) <= Number.MAX_SAFE_INTEGER, 'a position that is no safe number')
}

/** A stream in pieces whose lengths come from the input itself, so that an input says all. */
function* piecesOf(input: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < input.length;) {
    const length = 1 + ((input[at]! * 31 + at) % 97)
    yield input.subarray(at, at + length)
    at += length
  }
}

/** Frames of any stream. */
const frames: Target = {
  name: 'frames',
  shape: 'frames',
  share: 6,
  samples: everyFrame,
  take(input) {
    const decoder = new FrameDecoder()
    let count = 0
    for (const piece of piecesOf(input)) {
      for (const arrived of decoder.push(piece)) {
        must(arrived.body.reduce((sum, { byteLength }) => sum + byteLength, 0) === arrived.bytes, 'a body that is not as long as it says')
        must(arrived.bytes <= packBytesMax, 'a frame that is longer than any may be')
        readAny(arrived)
        count++
      }
    }
    return Math.min(count, 4)
  },
}

/** Acknowledgements and demands against the state of a transfer, as a relay and a predecessor keep it. */
const credit: Target = {
  name: 'credit',
  shape: 'frames',
  share: 2,
  samples: () =>
    everyFrame().filter((bytes) => [frameType.acknowledge, frameType.demand, frameType.hello, frameType.pack].includes(bytes[4] as 5)),
  take(input) {
    const sender = new TransferSender({ have: PackSet.of([0, 1]), windowBytes: 100 })
    const receiver = new TransferReceiver({ windowBytes: 100 })
    for (let number = 2; number < 8; number++) sender.sent(number, 10)
    for (const arrived of new FrameDecoder().push(input)) {
      if (arrived.type === frameType.acknowledge) sender.acknowledged(readAcknowledge(arrived))
      else if (arrived.type === frameType.pack) receiver.received(packNumber(arrived.body), arrived.bytes)
      else if (arrived.type === frameType.demand) receiver.settled([...readDemand(arrived)][0] ?? 0)
      must(sender.inFlightBytes >= 0 && sender.inFlightBytes <= 60, 'bytes in flight that never were')
    }
    return sender.inFlight().length
  },
}

const packSets: Target = {
  name: 'pack sets',
  shape: 'bytes',
  share: 4,
  bytesMax: 400,
  samples: () => [Uint8Array.of(0, 1), Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 3)],
  take(input) {
    const runs = Array.from({ length: input.length >> 2 }, (_, index) => Buffer.from(input).readUInt32BE(4 * index))
    const set = PackSet.fromRuns(runs)
    must(set.size <= packsMax, 'a set of more packs than there are')
    const again = set.toRuns()
    must(again.length === runs.length && again.every((run, index) => run === runs[index]), 'runs that do not come back')
    return Math.min(set.size, 3)
  },
}

/** Fields one by one, whatever they are. */
const fields: Target = {
  name: 'fields',
  shape: 'message',
  share: 4,
  samples: () => everyFrame().map((bytes) => bytes.subarray(5)),
  take(input) {
    const reader = new FieldReader(input, 'an input')
    let before = -1
    while (!reader.isAtEnd) {
      must(reader.at > before, 'a reader that stands still')
      before = reader.at
      const tag = reader.tag()
      const kind = (input[0]! + before) % 4
      if ((tag & 7) === 0 && kind < 3)
        must(kind === 0 ? reader.uint32() < 2 ** 32 : Math.abs(reader.sint64()) <= 2 ** 64, 'a number out of its range')
      else if ((tag & 7) === 2 && kind < 2) reader.textOrBytes()
      else if ((tag & 7) === 2 && kind < 3) reader.text(64)
      else reader.skip(tag)
    }
    return undefined
  },
}

const dataSocket: Target = {
  name: 'data socket',
  shape: 'frames',
  share: 2,
  samples: () => [Buffer.concat([frameBytes(5, new Uint8Array(70)), frameBytes(5, new Uint8Array(9))]), frameBytes(5, new Uint8Array(3))],
  take(input) {
    const tagged = input.length % 2 === 0
    let packs = 0
    const onFrame = ({ bytes, body, free }: Frame) => {
      must(body[0]!.byteLength === bytes, 'a pack that is not as long as it says')
      packs++
      free?.()
    }
    const assembler = new PackAssembler({ buffers: new PackBuffers(), key: tagged ? token : undefined, onFrame })
    for (const piece of piecesOf(input)) assembler.push(piece)
    must(assembler.clean || input.length > 0, 'a torn pack of nothing')
    return Math.min(packs, 3)
  },
}

export const wireTargets: readonly Target[] = [frames, credit, packSets, fields, dataSocket]
