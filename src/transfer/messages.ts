// The small frames of a transfer, between their protobuf form and plain values (PROTOCOL.md, "Transfer").
// Reading throws `malformed` for what doesn't decode and `too-large` for sets out of bounds, nothing else.

import { create, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf'
import { asHeirloomError, errorFromStatus, HeirloomError } from '../errors.ts'
import { certificateBytesMax, packsMax } from '../limits/wire.ts'
import { frameType, joinBody, makeFrame, type Frame, type FrameType } from '../wire/frame.ts'
import {
  AcknowledgeSchema,
  DataOfferSchema,
  DemandSchema,
  EndSchema,
  FailureSchema,
  HelloSchema,
  PositionSchema,
  WelcomeSchema,
  type DataOffer,
} from '../wire/gen/transfer_pb.ts'
import { readMessage } from '../wire/message.ts'
import { PackSet } from '../wire/pack-set.ts'

/** Decodes a small frame's body as a message; what doesn't decode is `malformed`. */
export function decodeMessage<Desc extends DescMessage>(schema: Desc, frame: Frame): MessageShape<Desc> {
  return readMessage(schema, joinBody(frame), `a frame of type ${frame.type}`)
}

/** Where one side of a transfer waits for the other's data socket. */
export interface DataOfferMessage {
  readonly port: number
  /** 32 bytes. */
  readonly token: Uint8Array
  /** 32 bytes; undefined when packs have no tags on the socket. */
  readonly key: Uint8Array | undefined
}

function writeOffer(offer: DataOfferMessage | undefined): { data?: DataOffer } {
  if (offer === undefined) return {}
  return { data: create(DataOfferSchema, { port: offer.port, token: offer.token, key: offer.key ?? new Uint8Array(0) }) }
}

function readOffer(offer: DataOffer | undefined): { data?: DataOfferMessage } {
  if (offer === undefined) return {}
  const { port, token, key } = offer
  if (port < 1 || port > 65_535) throw new HeirloomError('malformed', `a data socket is offered on port ${port}`)
  if (token.byteLength !== 32) throw new HeirloomError('malformed', 'a token has 32 bytes')
  if (key.byteLength !== 0 && key.byteLength !== 32) throw new HeirloomError('malformed', 'the key of a data socket has 32 bytes')
  return { data: { port, token, key: key.byteLength === 0 ? undefined : key } }
}

export interface HelloMessage {
  /** 16 bytes. */
  readonly handoff: Uint8Array
  readonly role: 'sends' | 'receives'
  readonly epoch: number
  readonly certificate: Uint8Array
  readonly have: PackSet
  readonly windowBytes: number
  readonly data?: DataOfferMessage
}

export function helloFrame(hello: HelloMessage): Frame {
  const message = create(HelloSchema, {
    handoff: hello.handoff,
    role: hello.role === 'sends' ? 1 : 2,
    epoch: hello.epoch,
    certificate: hello.certificate,
    have: hello.have.toRuns(),
    windowBytes: BigInt(hello.windowBytes),
    ...writeOffer(hello.data),
  })
  return makeFrame(frameType.hello, toBinary(HelloSchema, message))
}

export function readHello(frame: Frame): HelloMessage {
  expectType(frame, frameType.hello)
  const { handoff, role, epoch, certificate, have, windowBytes, data } = decodeMessage(HelloSchema, frame)
  if (handoff.byteLength !== 16) throw new HeirloomError('malformed', 'a handoff id has 16 bytes')
  if (role !== 1 && role !== 2) throw new HeirloomError('unsupported', `a hello has the unknown role ${role}`)
  if (certificate.byteLength > certificateBytesMax) throw new HeirloomError('too-large', 'a certificate is too long')
  return {
    handoff,
    role: role === 1 ? 'sends' : 'receives',
    epoch,
    certificate,
    have: PackSet.fromRuns(have),
    windowBytes: clampWindow(windowBytes),
    ...readOffer(data),
  }
}

export interface WelcomeMessage {
  readonly certificate: Uint8Array
  readonly have: PackSet
  readonly windowBytes: number
  readonly data?: DataOfferMessage
}

export function welcomeFrame({ certificate, have, windowBytes, data }: WelcomeMessage): Frame {
  const message = create(WelcomeSchema, { certificate, have: have.toRuns(), windowBytes: BigInt(windowBytes), ...writeOffer(data) })
  return makeFrame(frameType.welcome, toBinary(WelcomeSchema, message))
}

export function readWelcome(frame: Frame): WelcomeMessage {
  expectType(frame, frameType.welcome)
  const { certificate, have, windowBytes, data } = decodeMessage(WelcomeSchema, frame)
  if (certificate.byteLength > certificateBytesMax) throw new HeirloomError('too-large', 'a certificate is too long')
  return { certificate, have: PackSet.fromRuns(have), windowBytes: clampWindow(windowBytes), ...readOffer(data) }
}

export interface Acknowledgement {
  readonly packs: PackSet
  readonly windowBytes: number
}

export function acknowledgeFrame({ packs, windowBytes }: Acknowledgement): Frame {
  const message = create(AcknowledgeSchema, { packs: packs.toRuns(), windowBytes: BigInt(windowBytes) })
  return makeFrame(frameType.acknowledge, toBinary(AcknowledgeSchema, message))
}

export function readAcknowledge(frame: Frame): Acknowledgement {
  const { packs, windowBytes } = decodeMessage(AcknowledgeSchema, frame)
  return { packs: PackSet.fromRuns(packs), windowBytes: clampWindow(windowBytes) }
}

export function demandFrame(packs: PackSet): Frame {
  return makeFrame(frameType.demand, toBinary(DemandSchema, create(DemandSchema, { packs: packs.toRuns() })))
}

export function readDemand(frame: Frame): PackSet {
  return PackSet.fromRuns(decodeMessage(DemandSchema, frame).packs)
}

export interface EndMessage {
  /** How many packs the handoff has in all; only known when it was closed. */
  readonly packs: number
  readonly closed: boolean
}

export function endFrame({ packs, closed }: EndMessage): Frame {
  return makeFrame(frameType.end, toBinary(EndSchema, create(EndSchema, { packs, closed })))
}

export function readEnd(frame: Frame): EndMessage {
  const { packs, closed } = decodeMessage(EndSchema, frame)
  if (packs > packsMax) throw new HeirloomError('too-large', `a handoff has at most ${packsMax} packs`)
  return { packs, closed }
}

/** How many packs the sender has put on the data socket. */
export function positionFrame(packs: number): Frame {
  return makeFrame(frameType.position, toBinary(PositionSchema, create(PositionSchema, { packs: BigInt(packs) })))
}

export function readPosition(frame: Frame): number {
  const { packs } = decodeMessage(PositionSchema, frame)
  if (packs > Number.MAX_SAFE_INTEGER) throw new HeirloomError('malformed', 'a position is out of bounds')
  return Number(packs)
}

export function failureFrame(thrown: unknown): Frame {
  const error = asHeirloomError(thrown)
  // What went wrong inside is for our own log; the other side learns only that it did.
  const detail = error.code === 'internal' ? 'internal error' : error.message.slice(0, 500)
  return makeFrame(frameType.failure, toBinary(FailureSchema, create(FailureSchema, { status: error.status, detail })))
}

export function readFailure(frame: Frame): HeirloomError {
  const { status, detail } = decodeMessage(FailureSchema, frame)
  return errorFromStatus(status, detail)
}

function expectType(frame: Frame, type: FrameType): void {
  if (frame.type === frameType.failure) throw readFailure(frame)
  if (frame.type !== type) throw new HeirloomError('malformed', `a frame of type ${frame.type} came where one of type ${type} must be`)
}

/** A window from the wire as a safe number: above 1 TiB it means "no bound". */
function clampWindow(windowBytes: bigint): number {
  return Number(windowBytes > 1n << 40n ? 1n << 40n : windowBytes)
}
