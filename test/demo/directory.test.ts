// Which part of a directory the demo takes.

import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, matchesGlob } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { chooseDirectory, treeSize } from '../../scripts/demo/directory.ts'
import { HeirloomError } from '../../src/errors.ts'

const test = suite<{ folder: string }>('directory of the demo')
const { signal } = new AbortController()

test.before.each(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'directory-'))
})

test.after.each(async ({ folder }) => {
  await rm(folder, { recursive: true, force: true })
})

test('a directory that is small enough goes whole', async ({ folder }) => {
  await mkdir(join(folder, 'deep/er'), { recursive: true })
  await writeFile(join(folder, 'deep/er/file'), 'x'.repeat(70))
  await symlink('nowhere', join(folder, 'link'))
  assert.equal(await chooseDirectory(folder, 100, signal), { path: folder, exclude: [], files: 2, bytes: 70 })
})

test('of a larger one the entries that fit go, and the globs name exactly the others', async ({ folder }) => {
  const names = ['a*b', 'axb.d', 'b{1,2}', 'c[d]', 'e', 'f(g)', '!h', '@i', '.j', 'k\\l']
  for (const name of names) {
    await mkdir(join(folder, name))
    await writeFile(join(folder, name, 'file'), 'x'.repeat(100))
  }
  for (const bytesMax of [100, 300, 500, 900]) {
    const { exclude, files, bytes } = await chooseDirectory(folder, bytesMax, signal)
    const going = names.filter((name) => !exclude.some((glob) => matchesGlob(name, glob)))
    assert.equal([files, bytes, going.length], [bytesMax / 100, bytesMax, bytesMax / 100])
  }
})

test('a directory that is not there, or has nothing small enough, is an error with a hint', async ({ folder }) => {
  await writeFile(join(folder, 'large'), 'x'.repeat(100))
  for (const choosing of [chooseDirectory(join(folder, 'missing'), 1, signal), chooseDirectory(folder, 99, signal)]) {
    const error = await choosing.then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    assert.instance(error, HeirloomError)
    assert.ok((error as HeirloomError).hint)
  }
})

test('what is not there has no size', async ({ folder }) => {
  assert.equal(await treeSize(join(folder, 'missing'), signal), { files: 0, bytes: 0 })
})

test.run()
