// The golden vectors, bit by bit: what is made from the same secrets today is what was made then, and what was made then is still read.

import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { decodePack, encodePack } from '../../src/chunk/pack.ts'
import { markChunk } from '../../src/seal/chunk-mark.ts'
import type { ErrorCode } from '../../src/errors.ts'
import { checkCertificate, issueCertificate, type Permission } from '../../src/seal/certificate.ts'
import { checkHeader, openHeader } from '../../src/seal/handoff-header.ts'
import { identityFromSeed, peerBytes, peerIdText, publicKeyOfPeer } from '../../src/seal/identity.ts'
import { packNumber, PackOpener, PackSealer } from '../../src/seal/pack-seal.ts'
import { formatCertificateFile, formatPoolPublic, formatPoolSecret, makePoolSecret, parseKeyFile } from '../../src/seal/pool-key.ts'
import { dataPreamble } from '../../src/lane/data-port.ts'
import { PackAssembler } from '../../src/lane/pack-assembler.ts'
import { PackBuffers } from '../../src/wire/pack-buffers.ts'
import { PackTags } from '../../src/lane/pack-tags.ts'
import {
  acknowledgeFrame,
  helloFrame,
  positionFrame,
  readAcknowledge,
  readHello,
  readPosition,
  readWelcome,
  welcomeFrame,
} from '../../src/transfer/messages.ts'
import { answerFrame, demandFrame, readAnswer, readDemand } from '../../src/transfer/demand.ts'
import { encodeFrame, FrameDecoder, frameType, joinBody, makeFrame, type FrameType } from '../../src/wire/frame.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { decodeAttributes, encodeAttributes } from '../../peer/source/directory/attributes.ts'
import { typeByNumber } from '../../peer/source/directory/entry.ts'
import { refused } from '../helpers/refusal.ts'
import {
  makeVectors,
  type makeAttributeVectors,
  type makeDataVectors,
  type makeFrameVectors,
  type makePackSetVectors,
  type makePackVectors,
  type makeSealVectors,
} from './make.ts'
import type { makeDemandVectors } from './make-demand.ts'
import type { makeVerdictVectors } from './make-verdict.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))
const joined = (pieces: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(pieces))

function read<Vectors>(file: string): Vectors {
  return JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')) as Vectors
}

const seal = read<Awaited<ReturnType<typeof makeSealVectors>>>('seal.json')
const packs = read<ReturnType<typeof makePackVectors>>('pack.json')
const frames = read<ReturnType<typeof makeFrameVectors>>('frame.json')
const data = read<ReturnType<typeof makeDataVectors>>('data.json')
const demands = read<ReturnType<typeof makeDemandVectors>>('demand.json')
const packSets = read<ReturnType<typeof makePackSetVectors>>('pack-set.json')
const attributes = read<ReturnType<typeof makeAttributeVectors>>('attributes.json')
const verdicts = read<ReturnType<typeof makeVerdictVectors>>('verdict.json')

const pool = makePoolSecret(seal.pool.name, bytesOf(seal.pool.signingSeed), bytesOf(seal.pool.sealingSecret))
const identity = identityFromSeed(bytesOf(seal.identity.seed))
const certificate = bytesOf(seal.certificate.bytes)
const header = bytesOf(seal.header.bytes)
const packKey = { key: bytesOf(seal.header.key), pool: pool.id, handoff: bytesOf(seal.header.handoff) }

const test = suite('golden vectors')

test('the files are what the steps of PROTOCOL.md give', async () => {
  for (const [file, vectors] of Object.entries(await makeVectors())) assert.equal(JSON.parse(JSON.stringify(vectors)), read(file), file)
})

test('a pool key and its files', () => {
  assert.is(pool.idHex, seal.pool.id)
  assert.is(hex(pool.signingKey), seal.pool.signingKey)
  assert.is(hex(pool.sealingKey), seal.pool.sealingKey)
  assert.is(formatPoolSecret(pool), seal.files.secret)
  assert.is(formatPoolPublic(pool), seal.files.public)
  assert.is(formatCertificateFile(pool, certificate), seal.files.certificate)
  for (const text of Object.values(seal.files)) assert.is(parseKeyFile(text, 'file').pool.idHex, seal.pool.id)
})

test('an identity and its peer id', () => {
  assert.is(hex(identity.publicKey), seal.identity.publicKey)
  assert.is(hex(identity.peer), seal.identity.peer)
  assert.is(identity.peerId, seal.identity.peerId)
  assert.is(peerIdText(identity.peer), seal.identity.peerId)
  assert.is(hex(peerBytes(seal.identity.peerId)), seal.identity.peer)
  assert.is(hex(publicKeyOfPeer(identity.peer)), seal.identity.publicKey)
})

test('a certificate', () => {
  const { issuedMs, expiresMs } = seal.certificate
  const may = seal.certificate.may as Permission[]
  assert.is(hex(issueCertificate(pool, { peer: identity.peer, may, issuedMs, expiresMs })), seal.certificate.bytes)
  const info = checkCertificate(certificate, { pool, peer: identity.peer, atMs: issuedMs, needs: 'receive' })
  assert.equal({ ...info, peer: hex(info.peer) }, { peer: seal.identity.peer, may, issuedMs, expiresMs })
})

test('a handoff header', async () => {
  const info = checkHeader(header, { pool, handoff: packKey.handoff, peer: identity.peer })
  assert.is(hex(info.handoff), seal.header.handoff)
  assert.is(hex(info.predecessor), seal.identity.peer)
  assert.is(hex(info.identityKey), seal.identity.publicKey)
  assert.is(info.createdMs, seal.header.createdMs)
  assert.is(hex((await openHeader(header, pool, packKey.handoff)).key), seal.header.key)
})

for (const { name, number, flags, plain, sealed } of seal.packs) {
  test(`a sealed pack: ${name}`, () => {
    assert.is(packNumber([bytesOf(sealed)]), number)
    const opened = new PackOpener(packKey).open([bytesOf(sealed)])
    assert.is(opened.number, number)
    assert.is(hex(opened.plain), plain)
    // A compressor may do better one day; only what isn't compressed must come out the same.
    if (flags === 0) assert.is(hex(joined(new PackSealer(packKey).seal(number, [bytesOf(plain)]).pieces)), sealed)
  })
}

for (const { name, type, path, mode, mtimeS, mtimeNs, size, target, sparse, extended, bytes } of attributes) {
  test(`attributes of a directory's entry: ${name}`, () => {
    const more = { ...(sparse && { sparse }), ...(extended !== '' && { extended: new Uint8Array(Buffer.from(extended)) }) }
    const head = { type: typeByNumber[type]!, mode, mtimeS, mtimeNs, size, offset: 0, target: new Uint8Array(Buffer.from(target)), ...more }
    assert.is(hex(encodeAttributes(path, head)), bytes)
    assert.equal(decodeAttributes(bytesOf(bytes)), { path, head })
  })
}

for (const { name, plain, ...content } of packs) {
  test(`a pack's content: ${name}`, () => {
    const fragments = content.fragments.map(({ body, attributes, ...head }) => ({
      head: { ...head, attributes: bytesOf(attributes) },
      body: bytesOf(body),
    }))
    const receipt =
      'receipt' in content && content.receipt !== undefined
        ? { content: bytesOf(content.receipt.content), signature: bytesOf(content.receipt.signature) }
        : undefined
    const superseded = PackSet.of(content.superseded)
    const { barrier, sources } = content
    const references = ('references' in content ? content.references : []).map((each) => ({ bytes: undefined, digest: undefined, ...each }))
    assert.is(hex(joined(encodePack({ barrier, sources, fragments, superseded, references, ...(receipt && { receipt }) }))), plain)
    const decoded = decodePack(bytesOf(plain))
    assert.is(decoded.barrier, barrier)
    assert.equal(decoded.sources, sources)
    assert.equal(
      decoded.fragments,
      fragments.map(({ head, body }) => ({ ...head, body })),
    )
    assert.equal([...decoded.superseded], content.superseded)
    assert.equal(decoded.receipt, receipt)
    assert.equal(decoded.references, references)
  })
}

for (const { name, plain, barrier, barrierFrom, verdict } of verdicts) {
  test(`a pack's verdict: ${name}`, () => {
    const { since, whole, partial } = verdict
    const said = { since, whole: PackSet.of(whole), partial: new Map(partial.map(([pack, numbers]) => [pack, PackSet.of(numbers)])) }
    const pieces = encodePack({ barrier, barrierFrom, sources: [], fragments: [], superseded: new PackSet(), verdict: said })
    assert.is(hex(joined(pieces)), plain)
    const decoded = decodePack(bytesOf(plain))
    assert.equal([decoded.barrier, decoded.barrierFrom], [barrier, barrierFrom])
    const heard = decoded.verdict!
    assert.equal(
      [heard.since, [...heard.whole], [...heard.partial].map(([pack, numbers]) => [pack, [...numbers]])],
      [since, whole, partial],
    )
  })
}

for (const { name, type, body, bytes } of frames.read) {
  test(`a frame: ${name}`, () => {
    assert.is(hex(joined(encodeFrame(makeFrame(type as FrameType, bytesOf(body))))), bytes)
    const [frame, ...more] = new FrameDecoder().push(bytesOf(bytes))
    assert.is(frame!.type, type)
    assert.is(hex(joinBody(frame!)), body)
    assert.is(more.length, 0)
  })
}

for (const { name, bytes, code } of frames.refused) {
  test(`a frame is refused: ${name}`, () => {
    refused(() => new FrameDecoder().push(bytesOf(bytes)), code as ErrorCode)
  })
}

for (const { numbers, runs, acknowledge } of packSets.read) {
  test(`a pack set: ${JSON.stringify(numbers)}`, () => {
    assert.equal(PackSet.of(numbers).toRuns(), runs)
    assert.equal([...PackSet.fromRuns(runs)], numbers)
    const frame = acknowledgeFrame({ packs: PackSet.of(numbers), windowBytes: 0 })
    assert.is(hex(joinBody(frame)), acknowledge)
    assert.equal([...readAcknowledge(frame).packs], numbers)
  })
}

for (const { name, runs, code } of packSets.refused) {
  test(`a pack set is refused: ${name}`, () => {
    refused(() => PackSet.fromRuns(runs), code as ErrorCode)
  })
}

test('the offer of a data socket, in hello and welcome', () => {
  const { port, token, key } = data.offer
  const hello = readHello(makeFrame(frameType.hello, bytesOf(data.hello)))
  assert.equal({ ...hello.data, token: hex(hello.data!.token) }, { port, token, key: undefined })
  assert.is(hex(joinBody(helloFrame(hello))), data.hello)
  const welcome = readWelcome(makeFrame(frameType.welcome, bytesOf(data.welcome)))
  assert.equal({ ...welcome.data, token: hex(welcome.data!.token), key: hex(welcome.data!.key!) }, { port, token, key })
  assert.is(hex(joinBody(welcomeFrame(welcome))), data.welcome)
  assert.is(hex(joinBody(positionFrame(data.position.packs))), data.position.body)
  assert.is(readPosition(makeFrame(frameType.position, bytesOf(data.position.body))), data.position.packs)
})

test('what goes over a data socket', () => {
  const key = bytesOf(data.offer.key)
  assert.is(hex(dataPreamble(bytesOf(data.offer.token))), data.preamble)
  const tags = new PackTags(key)
  const frames = data.bodies.map((body) => makeFrame(frameType.pack, bytesOf(body)))
  assert.is(hex(joined(frames.flatMap((frame) => [...encodeFrame(frame), tags.next(frame.body)]))), data.tagged)
  assert.is(hex(joined(frames.flatMap(encodeFrame))), data.untagged)
  for (const [bytes, given] of [
    [data.tagged, key],
    [data.untagged, undefined],
  ] as const) {
    const got: string[] = []
    new PackAssembler({ buffers: new PackBuffers(), key: given, onFrame: (frame) => got.push(hex(joinBody(frame))) }).push(bytesOf(bytes))
    assert.equal(got, data.bodies)
  }
})

test('what an heir demands, and what it is answered', () => {
  const { demand, answer } = demands
  const read = readDemand(makeFrame(frameType.demand, bytesOf(demand.body)))
  assert.equal({ packs: [...read.packs], chunks: read.chunks }, { packs: demand.packs, chunks: demand.chunks })
  assert.is(hex(joinBody(demandFrame(read))), demand.body)
  const answered = readAnswer(makeFrame(frameType.answer, bytesOf(answer.body)))
  assert.equal(
    answered.map(({ source, id, packs }) => ({ source, id, runs: packs.toRuns() })),
    answer.chunks,
  )
  assert.is(hex(joinBody(answerFrame(answered))), answer.body)
})

test('where chunks are, by a directory in a pack', () => {
  for (const { source, id, mark } of demands.marks) assert.is(markChunk(source, id), mark)
  const { barrier, directory } = decodePack(bytesOf(demands.directory.plain))
  assert.equal(
    directory.map(({ pack, chunks }) => ({ pack, chunks: hex(chunks) })),
    demands.directory.packs,
  )
  const again = encodePack({ barrier, sources: [], fragments: [], superseded: new PackSet(), directory })
  assert.is(hex(joined(again)), demands.directory.plain)
})

test.run()
