// What the manifest says of a source changes what is listed and sent (claim 5): division, metadata, include and exclude.

import { mkdirSync, writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isLeftOut, type Chunk } from '../../src/chunk/chunk.ts'
import type { SourceEntry } from '../../src/plan/manifest.ts'
import { createSink, createSource } from '../../peer/source/create-source.ts'
import type { IncomingFragment } from '../../peer/source/source.ts'
import { contentOf, list, never, readAll } from '../contract/source.ts'
import { seeded } from '../helpers/seed.ts'
import { makeTemp, type TempDirectory } from '../helpers/temp.ts'
import { makeTree, treeDifferences } from '../helpers/tree.ts'
import { counted } from '../helpers/counted-sink.ts'

const test = suite('divided sources')

type DirectoryEntry = Extract<SourceEntry, { kind: 'directory' }>

const entry = (temp: TempDirectory, more: Partial<DirectoryEntry> = {}): DirectoryEntry => ({
  name: 'files',
  kind: 'directory',
  path: temp.at('state'),
  order: 'forecast',
  ...more,
})

async function listed(of: SourceEntry, warm = false): Promise<Chunk[]> {
  await using source = createSource(of)
  if (warm) await source.warm(never())
  return await list(source)
}

const noise = (bytes: number, seed: number) => {
  const random = seeded(seed)
  return Uint8Array.from({ length: bytes }, () => Math.floor(random() * 256))
}

test('large files are cut into pieces of the target', async () => {
  await using temp = await makeTemp()
  mkdirSync(temp.at('state'))
  writeFileSync(temp.at('state/model'), noise(1_500_000, 1))
  const bytes = (chunks: readonly Chunk[]) => chunks.map((chunk) => chunk.bytes)
  assert.equal(bytes(await listed(entry(temp))), [1_048_576, 451_424])
  const pieces = await listed(entry(temp, { divide: { by: 'probability', targetBytes: 400_000 } }))
  assert.equal(bytes(pieces), [400_000, 400_000, 400_000, 300_000])
  await using source = createSource(entry(temp, { divide: { by: 'probability', targetBytes: 400_000 } }))
  assert.is(contentOf(pieces[3]!.id, await readAll(source, pieces)).byteLength, 300_000)
})

test('by content: a large file is cut where its bytes say, once it was warmed, and small files are grouped', async () => {
  await using temp = await makeTemp()
  mkdirSync(temp.at('state'))
  const content = noise(3_000_000, 2)
  writeFileSync(temp.at('state/model'), content)
  for (const name of ['a', 'b', 'c']) writeFileSync(temp.at(`state/${name}`), name)
  const divide = { by: 'content', targetBytes: 131_072 } as const
  const cuts = (chunks: readonly Chunk[]) => chunks.flatMap(({ id }) => (id.startsWith('model//') ? Number(id.slice(7)) : []))
  const before = cuts(await listed(entry(temp, { divide }), true))
  assert.ok(before.length > 12 && before.some((cut) => cut % 131_072 !== 0), before.join(' '))
  // The same content after an insertion at its front: its borders have moved along.
  writeFileSync(temp.at('state/model'), Buffer.concat([Buffer.from('inserted'), content]))
  const after = new Set(cuts(await listed(entry(temp, { divide }), true)))
  const kept = before.filter((cut) => after.has(cut + 8))
  assert.ok(kept.length > before.length - 4, `${kept.length} of ${before.length} borders are where they were in the content`)
  const small = (await listed(entry(temp, { divide }))).filter(({ id }) => id.length === 1)
  assert.equal(new Set(small.map(({ group }) => group)).size, 1)
  const cold = cuts(await listed(entry(temp, { divide })))
  assert.ok(
    cold.every((cut) => cut % 131_072 === 0),
    'at a notice no file is read to find out how to cut it',
  )
})

for (const by of ['content', 'probability', 'application'] as const) {
  test(`a directory that is divided by ${by} is restored as it was`, async () => {
    await using temp = await makeTemp()
    makeTree(temp.at('state'), seeded(5), { large: [2_500_000] })
    const divide = { by, targetBytes: 65_536 }
    await using source = createSource(entry(temp, { divide }))
    await source.warm(never())
    const chunks = await list(source)
    await using sink = counted(createSink({ ...entry(temp, { divide }), path: temp.at('copy') }, temp.at('peer')))
    for (const part of await readAll(source, chunks)) {
      if (isLeftOut(part)) throw new Error(`${part.chunk.id}: ${part.leftOut}`)
      const { chunk, offset, chunkBytes, bytes, version = '', attributes = new Uint8Array(0) } = part
      const fragment: IncomingFragment = { id: chunk.id, kind: chunk.kind, offset, chunkBytes, bytes, version, expiresAtMs: 0, attributes }
      await sink.restore([fragment], never())
    }
    assert.equal(await sink.finish({ complete: true, receipt: '{}' }, never()), { dropped: 0 })
    assert.equal(treeDifferences(temp.at('state'), temp.at('copy')), [])
  })
}

test('by read probability: items of like probability are in one group, wherever they lie', async () => {
  await using temp = await makeTemp()
  makeTree(temp.at('state'), seeded(6), { files: 200 })
  const divided = await listed(entry(temp, { divide: { by: 'probability', targetBytes: 50_000 } }))
  const groups = [...Map.groupBy(divided, ({ group }) => group).entries()].filter(([group]) => group !== undefined)
  assert.ok(groups.length > 10)
  for (const [, chunks] of groups) assert.ok(chunks.length === 1 || chunks.reduce((sum, { bytes = 0 }) => sum + bytes, 0) <= 50_000)
})

test('files that match a pattern of metadata are metadata', async () => {
  await using temp = await makeTemp()
  mkdirSync(temp.at('state/db'), { recursive: true })
  for (const name of ['MANIFEST', 'db/MANIFEST', 'db/data']) writeFileSync(temp.at(`state/${name}`), name)
  const kinds = (chunks: readonly Chunk[]) => chunks.flatMap(({ id, kind }) => (kind === 'metadata' && !id.endsWith('/') ? id : []))
  assert.equal(kinds(await listed(entry(temp))), [])
  assert.equal(kinds(await listed(entry(temp, { metadata: ['**/MANIFEST', 'MANIFEST'] }))).toSorted(), ['MANIFEST', 'db/MANIFEST'])
})

test.run()
