// What is signed and sealed: packs and their heads, certificates, headers, key files. The keys are known here, and half of the inputs are signed
// or sealed after they were changed, so that they get as far as an evil member's.

import { create, toBinary } from '@bufbuild/protobuf'
import { createHash } from 'node:crypto'
import { decodePack, encodePack } from '../../../src/chunk/pack.ts'
import { asHeirloomError } from '../../../src/errors.ts'
import { chunkBytesMax, packBytesMax, sourcesMax } from '../../../src/limits/wire.ts'
import { checkCertificate, issueCertificate, poolOfCertificate } from '../../../src/seal/certificate.ts'
import { checkHeader } from '../../../src/seal/handoff-header.ts'
import { identityFromSeed } from '../../../src/seal/identity.ts'
import { PackOpener, PackSealer } from '../../../src/seal/pack-seal.ts'
import { formatCertificateFile, formatPoolPublic, formatPoolSecret, makePoolSecret, parseKeyFile } from '../../../src/seal/pool-key.ts'
import { readSigned, wrapSigned } from '../../../src/seal/signed.ts'
import { ed25519Private } from '../../../src/seal/ed25519.ts'
import { HandoffHeaderSchema } from '../../../src/wire/gen/seal_pb.ts'
import { PackSet } from '../../../src/wire/pack-set.ts'
import { must, textFrom, utf8, type Target } from '../target.ts'

const bytes32 = (text: string) => new Uint8Array(createHash('sha256').update(text).digest())
const nowMs = 1_800_000_000_000
const pool = makePoolSecret('fuzz', bytes32('signing'), bytes32('sealing'))
const identity = identityFromSeed(bytes32('identity'))
const certificate = issueCertificate(pool, { peer: identity.peer, may: ['send', 'receive'], issuedMs: nowMs, expiresMs: nowMs + 3_600_000 })
const handoff = bytes32('handoff').slice(0, 16)
const packKey = { key: bytes32('key'), pool: pool.id, handoff }

const samplePack = Buffer.concat(
  encodePack({
    barrier: 1,
    sources: [{ source: 0, name: 'models', kind: 'directory', chunks: 2, bytes: 30, readProbability: 0.5 }],
    fragments: [0, 1].map((source) => ({
      head: {
        source,
        id: `a/${source}`,
        metadata: false,
        offset: 2,
        chunkBytes: 9,
        version: 'v1',
        expiresAtMs: nowMs,
        readProbability: 0.1,
        attributes: Uint8Array.of(1, 2),
      },
      body: Uint8Array.of(1, 2, 3),
    })),
    superseded: PackSet.of([3, 4, 9]),
    receipt: { content: utf8('{}'), signature: new Uint8Array(64) },
  }),
)

function checkPack(plain: Uint8Array): number {
  const { fragments, sources, barrier } = decodePack(plain)
  let bodies = 0
  for (const { source, offset, chunkBytes, body, readProbability, expiresAtMs } of fragments) {
    bodies += body.byteLength
    must(source < sourcesMax && chunkBytes <= chunkBytesMax && offset + body.byteLength <= chunkBytes, 'a fragment out of its bounds')
    must(readProbability >= 0 && Number.isFinite(readProbability) && Number.isSafeInteger(expiresAtMs), 'a hint that is none')
  }
  for (const { chunks, bytes, readProbability } of sources) {
    must(Number.isSafeInteger(chunks) && Number.isSafeInteger(bytes) && readProbability >= 0, 'a promise out of its bounds')
  }
  must(bodies <= plain.byteLength && Number.isSafeInteger(barrier), 'more bytes out than in')
  return Math.min(fragments.length, 3)
}

/** A pack's content, head and all. */
const packs: Target = {
  name: 'packs',
  shape: 'message',
  share: 5,
  samples: () => [new Uint8Array(samplePack.subarray(4, 4 + samplePack.readUInt32BE())), new Uint8Array(samplePack)],
  take(input) {
    // As a head with bodies, or as a head whose own length is right.
    if (input[0] === 0) return checkPack(input)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(input.length)
    return checkPack(Buffer.concat([length, input, Uint8Array.of(1, 2, 3, 4, 5, 6)]))
  },
}

const sealedPacks: Target = {
  name: 'sealed packs',
  shape: 'bytes',
  share: 1,
  samples: () => [
    new Uint8Array(samplePack),
    ...[samplePack, Buffer.alloc(900)].map((plain) => new Uint8Array(Buffer.concat(new PackSealer(packKey).seal(5, [plain]).pieces))),
  ],
  take(input) {
    const opener = new PackOpener(packKey)
    if (input.length % 2 === 0) return opener.open([input.subarray(0, 5), input.subarray(5)]).plain.byteLength > 0
    const { pieces } = new PackSealer(packKey).seal(input.length, [input])
    const { number, plain } = opener.open(pieces)
    must(
      number === input.length && Buffer.compare(plain, input) === 0 && plain.byteLength <= packBytesMax,
      'a pack that opens to something else',
    )
    return undefined
  },
}

const sign = (label: 'heirloom/1 certificate' | 'heirloom/1 header', seed: Uint8Array, content: Uint8Array) =>
  wrapSigned(ed25519Private(seed), label, content)

const certificates: Target = {
  name: 'certificates',
  shape: 'message',
  share: 0.3,
  samples: () => [certificate, readSigned(certificate).content],
  take(input) {
    // What the pool itself has signed need not make sense.
    const bytes = input.length % 2 === 0 ? input : sign('heirloom/1 certificate', pool.signingSeed, input)
    poolOfCertificate(bytes)
    const { may, issuedMs, expiresMs } = checkCertificate(bytes, { pool, peer: identity.peer, atMs: nowMs, needs: 'send' })
    must(may.includes('send') && issuedMs <= nowMs + 60_000 && expiresMs >= nowMs - 60_000, 'a certificate that says nothing of the kind')
    return may.length
  },
}

const header = toBinary(
  HandoffHeaderSchema,
  create(HandoffHeaderSchema, {
    version: 1,
    pool: pool.id,
    handoff,
    createdMs: BigInt(nowMs),
    identity: identity.publicKey,
    certificate,
    encapsulated: bytes32('encapsulated'),
    wrapped: new Uint8Array(48).fill(1),
  }),
)

const headers: Target = {
  name: 'headers',
  shape: 'message',
  share: 0.2,
  samples: () => [header, identity.wrap('heirloom/1 header', header)],
  take(input) {
    const bytes = input.length % 2 === 0 ? input : identity.wrap('heirloom/1 header', input)
    const { createdMs } = checkHeader(bytes, { pool, handoff })
    must(Math.abs(createdMs - nowMs) <= 3_600_000 + 60_000, 'a header of a time at which its certificate was not valid')
    return createdMs === nowMs
  },
}

const keyFiles: Target = {
  name: 'key files',
  shape: 'json',
  share: 0.3,
  samples: () =>
    [formatPoolSecret(pool), formatPoolPublic(pool), formatCertificateFile(pool, certificate)].map((text) =>
      utf8(JSON.stringify(JSON.parse(text))),
    ),
  take(input) {
    try {
      return parseKeyFile(textFrom(input), 'fuzz.key').kind
    } catch (thrown) {
      const { message } = asHeirloomError(thrown)
      must(!message.includes(Buffer.from(pool.signingSeed).toString('base64').slice(0, 20)), 'a message with a secret in it')
      throw thrown
    }
  },
}

export const sealTargets: readonly Target[] = [packs, sealedPacks, certificates, headers, keyFiles]
