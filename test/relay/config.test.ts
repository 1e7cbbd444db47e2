import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { HeirloomError } from '../../src/errors.ts'
import { loadRelayConfig } from '../../relay/config.ts'

const test = suite<{ folder: string }>('configuration of the relay')

test.before.each(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'heirloom-relay-config-'))
})

test.after.each(({ folder }) => rm(folder, { recursive: true, force: true }))

async function refused(load: Promise<unknown>): Promise<HeirloomError> {
  const thrown = await load.then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.instance(thrown, HeirloomError)
  return thrown as HeirloomError
}

test('a file is read, its paths count from it', async ({ folder }) => {
  const file = join(folder, 'relay.yaml')
  await writeFile(
    file,
    'store: packs\nlisten: [/ip4/0.0.0.0/tcp/4001]\ndata_port: off\nhttp: 0.0.0.0:8080\npools: [a.pub]\nquota: { peer: 8GB, pool: 64GiB, total: 1TB }\nkeep_max: 12h\nlease: 20s\n',
  )
  assert.equal(await loadRelayConfig(file), {
    store: join(folder, 'packs'),
    listen: ['/ip4/0.0.0.0/tcp/4001'],
    dataPort: 'off',
    http: '0.0.0.0:8080',
    pools: [join(folder, 'a.pub')],
    quota: { peer: 8e9, pool: 64 * 2 ** 30, total: 1e12 },
    keepMaxMs: 43_200_000,
    leaseMs: 20_000,
  })
})

test('flags stand over the file, and without a file a store is enough', async ({ folder }) => {
  const file = join(folder, 'relay.yaml')
  await writeFile(file, 'store: packs\n')
  assert.is((await loadRelayConfig(file, { store: '/elsewhere', http: undefined })).store, '/elsewhere')
  const alone = await loadRelayConfig(undefined, { store: folder })
  assert.equal([alone.listen, alone.http, alone.pools, alone.dataPort], [['/ip4/127.0.0.1/tcp/0'], '127.0.0.1:0', [], 0])
})

test('neither a file nor a store is wrong use', async () => {
  assert.is((await refused(loadRelayConfig(undefined))).exitCode, 64)
})

test('mistakes come with line, column and what was meant', async ({ folder }) => {
  const file = join(folder, 'relay.yaml')
  await writeFile(file, 'store: packs\nquota: { pear: 8GB, pool: 8 }\nkeep_max: 30d\n')
  const error = await refused(loadRelayConfig(file))
  assert.is(error.exitCode, 78)
  assert.match(error.message, `${file}:2:10: quota.pear: unknown key "pear", did you mean peer?`)
  assert.match(error.message, `${file}:2:27: quota.pool: expected a size such as 8GB, found 8`)
  assert.match(error.message, `${file}:3:11: keep_max: must be at most 7d`)
})

test.run()
