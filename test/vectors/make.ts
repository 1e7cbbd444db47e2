// How the golden vectors were made: from fixed secrets, step by step as PROTOCOL.md says, with libraries only and none of Heirloom's own code
// except the generated messages. `node test/vectors/make.ts` writes the files again. A released vector never changes: a new one is added.

import { create, toBinary } from '@bufbuild/protobuf'
import { AEAD_AES_256_GCM, CipherSuite, KDF_HKDF_SHA256, KEM_DHKEM_X25519_HKDF_SHA256, type KEMFactory } from 'hpke'
import { base58btc } from 'multiformats/bases/base58'
import { createCipheriv, createHash, createPrivateKey, createPublicKey, hkdfSync, sign, type KeyObject } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { makeDemandVectors } from './make-demand.ts'
import { makeVerdictVectors } from './make-verdict.ts'
import { FileAttributesSchema, PackHeadSchema } from '../../src/wire/gen/pack_pb.ts'
import { CertificateSchema, HandoffHeaderSchema, SignedSchema } from '../../src/wire/gen/seal_pb.ts'
import { AcknowledgeSchema, HelloSchema, PositionSchema, WelcomeSchema } from '../../src/wire/gen/transfer_pb.ts'

const secret = (fill: number) => new Uint8Array(32).map((_, index) => (fill + index * 7) & 0xff)
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const text = (value: string) => new Uint8Array(Buffer.from(value))
const join = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts))

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

function keyPair(curve: 'ed25519' | 'x25519', raw: Uint8Array): { key: KeyObject; publicKey: Uint8Array } {
  const head = Buffer.from(curve === 'ed25519' ? '302e020100300506032b657004220420' : '302e020100300506032b656e04220420', 'hex')
  const key = createPrivateKey({ key: Buffer.concat([head, raw]), format: 'der', type: 'pkcs8' })
  return { key, publicKey: new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32)) }
}

function signed(key: KeyObject, label: string, content: Uint8Array): Uint8Array {
  const signature = new Uint8Array(sign(null, join(text(`${label}\0`), content), key))
  return toBinary(SignedSchema, create(SignedSchema, { content, signature }))
}

/** HPKE in base mode with an ephemeral key that isn't random: for these vectors alone. */
async function wrapWith(ephemeral: Uint8Array, recipient: Uint8Array, info: Uint8Array, plain: Uint8Array) {
  const suite = new CipherSuite(KEM_DHKEM_X25519_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_AES_256_GCM)
  const privateKey = await suite.DeserializePrivateKey(ephemeral, true)
  const publicKey = await suite.DeserializePublicKey(keyPair('x25519', ephemeral).publicKey)
  const fixed = (() => ({ ...KEM_DHKEM_X25519_HKDF_SHA256(), GenerateKeyPair: async () => ({ privateKey, publicKey }) })) as KEMFactory
  const fixedSuite = new CipherSuite(fixed, KDF_HKDF_SHA256, AEAD_AES_256_GCM)
  return fixedSuite.Seal(await fixedSuite.DeserializePublicKey(recipient), plain, { info })
}

function sealedPack(key: Uint8Array, context: Uint8Array, number: number, flags: number, content: Uint8Array): Uint8Array {
  const packKey = new Uint8Array(hkdfSync('sha256', key, new Uint8Array(0), 'heirloom/1 pack', 32))
  const head = join(Uint8Array.of(1, flags, 0, 0), u32(number))
  const cipher = createCipheriv('aes-256-gcm', packKey, join(new Uint8Array(8), u32(number)), { authTagLength: 16 })
  cipher.setAAD(join(text('heirloom/1 pack\0'), context, head))
  return join(head, cipher.update(content), cipher.final(), cipher.getAuthTag())
}

export async function makeSealVectors() {
  const signing = keyPair('ed25519', secret(1))
  const sealing = keyPair('x25519', secret(2))
  const poolId = new Uint8Array(
    createHash('sha256')
      .update(join(text('heirloom/1 pool'), signing.publicKey, sealing.publicKey))
      .digest(),
  )
  const pool = {
    name: 'checkout',
    signingSeed: hex(secret(1)),
    sealingSecret: hex(secret(2)),
    signingKey: hex(signing.publicKey),
    sealingKey: hex(sealing.publicKey),
    id: hex(poolId),
  }

  const own = keyPair('ed25519', secret(3))
  const peer = join(Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20), own.publicKey)
  const identity = { seed: hex(secret(3)), publicKey: hex(own.publicKey), peer: hex(peer), peerId: base58btc.baseEncode(peer) }

  const issuedMs = 1_790_000_000_000
  const expiresMs = issuedMs + 86_400_000
  const grant = create(CertificateSchema, {
    version: 1,
    pool: poolId,
    peer,
    may: 3,
    issuedMs: BigInt(issuedMs),
    expiresMs: BigInt(expiresMs),
  })
  const certificate = signed(signing.key, 'heirloom/1 certificate', toBinary(CertificateSchema, grant))

  const handoff = secret(4).subarray(0, 16)
  const key = secret(5)
  const ephemeral = secret(6)
  const createdMs = issuedMs + 60_000
  const info = join(text('heirloom/1 handoff key\0'), poolId, handoff)
  const { encapsulatedSecret, ciphertext } = await wrapWith(ephemeral, sealing.publicKey, info, key)
  const header = create(HandoffHeaderSchema, {
    version: 1,
    pool: poolId,
    handoff,
    createdMs: BigInt(createdMs),
    identity: own.publicKey,
    certificate,
    encapsulated: encapsulatedSecret,
    wrapped: ciphertext,
  })

  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
  const file = (heirloom: string, more: object) =>
    `${JSON.stringify({ heirloom, pool: pool.name, signingKey: base64(signing.publicKey), sealingKey: base64(sealing.publicKey), ...more }, undefined, 2)}\n`

  const context = join(poolId, handoff)
  const plain = text('warm state, most valuable first')
  // RFC 8878: magic, single segment of 200 bytes, one last block that repeats one byte 200 times.
  const zstd = new Uint8Array(Buffer.from('28b52ffd20c843060061', 'hex'))
  return {
    pool,
    files: {
      secret: file('pool secret', { signingSeed: base64(secret(1)), sealingSecret: base64(secret(2)) }),
      public: file('pool public', {}),
      certificate: file('certificate', { certificate: base64(certificate) }),
    },
    identity,
    certificate: { peer: hex(peer), may: ['send', 'receive'], issuedMs, expiresMs, bytes: hex(certificate) },
    header: {
      handoff: hex(handoff),
      key: hex(key),
      createdMs,
      ephemeral: hex(ephemeral),
      bytes: hex(signed(own.key, 'heirloom/1 header', toBinary(HandoffHeaderSchema, header))),
    },
    packs: [
      { name: 'plain', number: 0, flags: 0, plain: hex(plain), sealed: hex(sealedPack(key, context, 0, 0, plain)) },
      {
        name: 'empty, the highest number',
        number: 0xfffff,
        flags: 0,
        plain: '',
        sealed: hex(sealedPack(key, context, 0xfffff, 0, new Uint8Array(0))),
      },
      {
        name: 'zstd',
        number: 258,
        flags: 1,
        plain: hex(new Uint8Array(200).fill(0x61)),
        sealed: hex(sealedPack(key, context, 258, 1, zstd)),
      },
    ],
  }
}

export function makePackVectors() {
  const attributes = toBinary(
    FileAttributesSchema,
    create(FileAttributesSchema, {
      path: text('models/ä.bin'),
      type: 1,
      mode: 0o644,
      mtimeS: 1_790_000_000n,
      mtimeNs: 5,
      size: 9n,
      offset: 0n,
    }),
  )
  const fragments = [
    {
      source: 0,
      id: 'index',
      metadata: true,
      offset: 0,
      chunkBytes: 4,
      version: '7',
      expiresAtMs: 0,
      readProbability: 0.5,
      attributes: '',
      body: hex(text('meta')),
    },
    {
      source: 1,
      id: 'models/ä.bin',
      metadata: false,
      offset: 4,
      chunkBytes: 9,
      version: '',
      expiresAtMs: 1_790_000_600_000,
      readProbability: 0.125,
      attributes: hex(attributes),
      body: hex(text('state')),
    },
  ]
  const sources = [{ source: 1, name: 'models', kind: 'directory', chunks: 1045, bytes: 1_073_741_824, readProbability: 12.5 }]
  const receipt = { content: hex(text('{"promised":2}')), signature: hex(join(secret(8), secret(9))) }
  const head = create(PackHeadSchema, {
    barrier: 3,
    sources: sources.map((each) => ({ ...each, chunks: BigInt(each.chunks), bytes: BigInt(each.bytes) })),
    fragments: fragments.map(({ body, ...each }) => ({
      ...each,
      id: text(each.id),
      offset: BigInt(each.offset),
      bytes: body.length / 2,
      chunkBytes: BigInt(each.chunkBytes),
      expiresAtMs: BigInt(each.expiresAtMs),
      attributes: attributes.subarray(0, each.attributes.length / 2),
    })),
    receipt: { content: Buffer.from(receipt.content, 'hex'), signature: Buffer.from(receipt.signature, 'hex') },
    superseded: [1, 2, 4, 1],
  })
  const headBytes = toBinary(PackHeadSchema, head)
  const plain = join(u32(headBytes.byteLength), headBytes, text('metastate'))
  return [
    {
      name: 'two fragments, a source, a receipt, superseded packs',
      barrier: 3,
      sources,
      fragments,
      superseded: [1, 2, 7],
      receipt,
      plain: hex(plain),
    },
    { name: 'nothing', barrier: 0, sources: [], fragments: [], superseded: [], plain: '00000000' },
    makeReferences(),
  ]
}

function makeReferences() {
  const references = [
    {
      source: 0,
      id: 'models/7',
      origin: 'https://models.internal/7?signature=a',
      bytes: 9,
      digest: hex(secret(10)),
      version: '7',
      expiresAtMs: 1_790_000_600_000,
      readProbability: 0.25,
    },
    { source: 1, id: 'ä', origin: '/mnt/shared/a', version: '', expiresAtMs: 0, readProbability: 1 },
  ]
  const head = create(PackHeadSchema, {
    references: references.map(({ digest = '', bytes, ...each }) => ({
      ...each,
      id: text(each.id),
      ...(bytes !== undefined && { bytes: BigInt(bytes) }),
      digest: Buffer.from(digest, 'hex'),
      expiresAtMs: BigInt(each.expiresAtMs),
    })),
  })
  const headBytes = toBinary(PackHeadSchema, head)
  const plain = hex(join(u32(headBytes.byteLength), headBytes))
  return { name: 'references', barrier: 0, sources: [], fragments: [], superseded: [], references, plain }
}

export function makeFrameVectors() {
  const frame = (name: string, type: number, body: string) => ({
    name,
    type,
    body,
    bytes: hex(u32(body.length / 2 + 1)) + hex(Uint8Array.of(type)) + body,
  })
  return {
    read: [
      frame('request', 1, '08011a00'),
      frame('relay message', 2, '0a020801'),
      frame('hello', 3, '1001'),
      frame('welcome, empty', 4, ''),
      frame('pack', 5, '0100000000000000ffeeddccbbaa99887766554433221100'),
      frame('acknowledge', 6, '0a020001'),
      frame('demand', 7, '0a020301'),
      frame('end', 8, '08051001'),
      frame('failure', 9, '08081203746f72'),
      frame('position', 10, '0803'),
      frame('answer', 11, '0a050801120161'),
    ],
    refused: [
      { name: 'no type', bytes: '0000000005', code: 'too-large' },
      { name: 'a pack longer than 4 MiB', bytes: '0040000205', code: 'too-large' },
      { name: 'a request longer than 256 KiB', bytes: '0004000201', code: 'too-large' },
      { name: 'the longest length there is', bytes: 'ffffffff09', code: 'too-large' },
      { name: 'type 0', bytes: '0000000100', code: 'malformed' },
      { name: 'type 12', bytes: '000000010c', code: 'malformed' },
    ],
  }
}

export function makePackSetVectors() {
  const set = (numbers: number[], runs: number[]) => ({
    numbers,
    runs,
    acknowledge: hex(toBinary(AcknowledgeSchema, create(AcknowledgeSchema, { packs: runs }))),
  })
  return {
    read: [
      set([], []),
      set([0], [0, 1]),
      set([5], [5, 1]),
      set([0, 1, 2, 5, 6, 40], [0, 3, 2, 2, 33, 1]),
      set([31, 32, 63, 64], [31, 2, 30, 2]),
      set([1_048_575], [1_048_575, 1]),
    ],
    refused: [
      { name: 'a skip without a count', runs: [3], code: 'malformed' },
      { name: 'an empty run', runs: [3, 0], code: 'malformed' },
      { name: 'two runs that are one', runs: [0, 2, 0, 3], code: 'malformed' },
      { name: 'beyond the last pack', runs: [1_048_575, 2], code: 'too-large' },
      { name: 'a count far beyond the last pack', runs: [0, 4_294_967_295], code: 'too-large' },
    ],
  }
}

/** Two packs on a data socket, after its preamble, with tags and without. */
export function makeDataVectors() {
  const [token, key] = [secret(10), secret(11)]
  const bodies = ['0100000000000000ffeeddccbbaa99887766554433221100', '0100000000000001ffeeddccbbaa99887766554433221100ff']
  const frames = bodies.map((body) => hex(u32(body.length / 2 + 1)) + '05' + body)
  const tags = bodies.map((body, frame) => {
    const cipher = createCipheriv('aes-256-gcm', key, join(new Uint8Array(8), u32(frame)), { authTagLength: 16 })
    cipher.setAAD(Buffer.from(body, 'hex'))
    cipher.final()
    return hex(cipher.getAuthTag())
  })
  const offer = { port: 4102, token, key }
  const hello = create(HelloSchema, { handoff: secret(4).subarray(0, 16), role: 1, epoch: 1, data: { ...offer, key: new Uint8Array(0) } })
  return {
    offer: { port: offer.port, token: hex(token), key: hex(key) },
    hello: hex(toBinary(HelloSchema, hello)),
    welcome: hex(toBinary(WelcomeSchema, create(WelcomeSchema, { windowBytes: 65_536n, data: offer }))),
    position: { packs: 3, body: hex(toBinary(PositionSchema, create(PositionSchema, { packs: 3n }))) },
    preamble: hex(join(text('HLD1'), token)),
    bodies,
    tagged: frames.map((frame, index) => frame + tags[index]).join(''),
    untagged: frames.join(''),
  }
}

/** Of a directory's fragments: the attributes, and what they say. */
export function makeAttributeVectors() {
  const of = (
    name: string,
    type: number,
    { target = '', sparse = false, extended = '' }: { target?: string; sparse?: boolean; extended?: string },
  ) => {
    const said = { path: 'models/ä.bin', mode: 0o640, mtimeNs: 5, target, sparse, extended }
    const numbers = { mtimeS: 1_790_000_000, size: 9 }
    const message = create(FileAttributesSchema, {
      ...said,
      type,
      path: text(said.path),
      target: text(target),
      extended: text(extended),
      mtimeS: BigInt(numbers.mtimeS),
      size: BigInt(numbers.size),
    })
    return { name, type, ...said, ...numbers, bytes: hex(toBinary(FileAttributesSchema, message)) }
  }
  return [
    of('a file', 1, {}),
    of('a file with holes and extended attributes', 1, { sparse: true, extended: '{"user.a":"eA=="}' }),
    of('a symbolic link', 3, { target: '../b' }),
    of('one more name of a file', 4, { target: 'models/first' }),
  ]
}

export async function makeVectors(): Promise<Record<string, unknown>> {
  return {
    'seal.json': await makeSealVectors(),
    'pack.json': makePackVectors(),
    'frame.json': makeFrameVectors(),
    'pack-set.json': makePackSetVectors(),
    'data.json': makeDataVectors(),
    'demand.json': makeDemandVectors(),
    'attributes.json': makeAttributeVectors(),
    'verdict.json': makeVerdictVectors(),
  }
}

if (import.meta.main) {
  for (const [file, vectors] of Object.entries(await makeVectors())) {
    await writeFile(new URL(file, import.meta.url), `${JSON.stringify(vectors, undefined, 2)}\n`)
  }
}
