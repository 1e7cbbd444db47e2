import { inspect } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { formatCertificateFile, formatPoolPublic, formatPoolSecret, generatePool, parseKeyFile } from '../../src/seal/pool-key.ts'
import { makeMember } from '../helpers/pool.ts'
import { refused } from '../helpers/refusal.ts'

const test = suite('pool key')

test('the three files say what they are and carry it', () => {
  const { pool, certificate } = makeMember()
  const secret = parseKeyFile(formatPoolSecret(pool), 'checkout.key')
  assert.is(secret.kind, 'secret')
  if (secret.kind === 'secret') assert.equal([secret.pool.signingSeed, secret.pool.sealingSecret], [pool.signingSeed, pool.sealingSecret])
  const half = parseKeyFile(formatPoolPublic(pool), 'checkout.key.pub')
  assert.is(half.kind, 'public')
  const member = parseKeyFile(formatCertificateFile(pool, certificate), 'vm.cert')
  assert.is(member.kind, 'certificate')
  if (member.kind === 'certificate') assert.equal(member.certificate, certificate)
  for (const { pool: read } of [secret, half, member]) assert.equal([read.name, read.idHex], [pool.name, pool.idHex])
})

test('the public half and a certificate hold nothing of the secret', () => {
  const { pool, certificate } = makeMember()
  for (const text of [formatPoolPublic(pool), formatCertificateFile(pool, certificate)]) {
    assert.not.match(text, Buffer.from(pool.signingSeed).toString('base64'))
    assert.not.match(text, Buffer.from(pool.sealingSecret).toString('base64'))
  }
})

test('a pool secret does not show itself to a logger', () => {
  const pool = generatePool('checkout')
  const shown = JSON.stringify(pool) + JSON.stringify({ ...pool }) + inspect(pool, { depth: 5 })
  assert.not.match(shown, /signingSeed|sealingSecret/)
})

test('a file that was cut, edited or is something else is a configuration error with a hint', () => {
  const { pool } = makeMember()
  const fields = JSON.parse(formatPoolSecret(pool)) as Record<string, string>
  const other = JSON.parse(formatPoolSecret(generatePool('checkout'))) as Record<string, string>
  const broken: Record<string, string> = {
    'not JSON': '-----BEGIN PRIVATE KEY-----',
    'no object': '[]',
    null: 'null',
    cut: formatPoolSecret(pool).slice(0, 100),
    'of another program': '{"heirloom":"something else"}',
    'without a pool': JSON.stringify({ ...fields, pool: undefined }),
    'with a name that is a path': JSON.stringify({ ...fields, pool: '../x' }),
    'with a short key': JSON.stringify({ ...fields, signingKey: 'AAAA' }),
    'with a key that is no base64': JSON.stringify({ ...fields, sealingKey: `${fields['sealingKey']!.slice(0, -4)}!!!!` }),
    'with a number for a key': JSON.stringify({ ...fields, signingSeed: 5 }),
    'with the signing seed of another pool': JSON.stringify({ ...fields, signingSeed: other['signingSeed'] }),
    'with the sealing secret of another pool': JSON.stringify({ ...fields, sealingSecret: other['sealingSecret'] }),
    'too long': JSON.stringify({ ...fields, more: 'x'.repeat(20_000) }),
  }
  for (const [what, text] of Object.entries(broken)) {
    const error = refused(() => parseKeyFile(text, 'checkout.key'), 'config')
    assert.match(error.message, 'checkout.key', what)
    assert.ok(error.hint, what)
    for (const secret of ['signingSeed', 'sealingSecret']) assert.not.match(inspect(error), fields[secret]!, what)
  }
})

test('unknown fields are for later versions and ignored', () => {
  const pool = generatePool('checkout')
  const text = JSON.stringify({ ...JSON.parse(formatPoolPublic(pool)), comment: 'made by hand' })
  assert.is(parseKeyFile(text, 'file').pool.idHex, pool.idHex)
})

test('a name that could be mistaken for something else is no name', () => {
  for (const name of ['', '.', '-x', 'a b', '../etc', 'ä', 'x'.repeat(65)]) refused(() => generatePool(name), 'usage')
  for (const name of ['a', 'Checkout-2.eu_west', 'x'.repeat(64)]) assert.is(generatePool(name).name, name)
})

test.run()
