// What a directory's files have beyond their bytes: holes, several names, extended attributes, an owner.

import { execFileSync } from 'node:child_process'
import {
  chownSync,
  closeSync,
  existsSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
  type PathLike,
} from 'node:fs'
import process from 'node:process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { packBytesTarget } from '../../src/limits/wire.ts'
import { withExtended } from '../../peer/source/directory/attributes.ts'
import { createDirectorySink } from '../../peer/source/directory/sink.ts'
import { DirectoryWriter } from '../../peer/source/directory/writer.ts'
import { nodeFileSystem } from '../../peer/source/directory/file-system.ts'
import type { IncomingFragment } from '../../peer/source/source.ts'
import { end } from '../contract/sink.ts'
import { never } from '../contract/source.ts'
import { fragment, fragmentsIn, handOver, headOf, sinkAt } from '../helpers/directory.ts'
import { makeTempOnDisk } from '../helpers/residency.ts'
import { makeTemp, type TempDirectory } from '../helpers/temp.ts'
import { treeDifferences } from '../helpers/tree.ts'
import { counted } from '../helpers/counted-sink.ts'

const test = suite('what a directory keeps')

/** A user's attribute of a file, by another tool than the one under test. */
function xattr(what: 'get' | 'set', path: string, value = ''): string {
  const program =
    what === 'set'
      ? 'os.setxattr(p, "user.t", sys.argv[2].encode())'
      : 'print(os.getxattr(p, "user.t").decode() if "user.t" in os.listxattr(p) else "", end="")'
  return execFileSync('python3', ['-c', `import os, sys; p = sys.argv[1]; ${program}`, path, value], { encoding: 'utf8' })
}

test('a sparse file stays sparse, whole or in pieces, and its bytes are the same', async () => {
  await using before = await makeTempOnDisk()
  await using after = await makeTempOnDisk()
  for (const [name, size] of [
    ['small', 600_000],
    ['large', 6 * packBytesTarget + 100],
  ] as const) {
    const file = openSync(before.at(name), 'w')
    ftruncateSync(file, size)
    writeSync(file, 'in the middle', Math.floor(size / 2))
    writeSync(file, 'at the end', size - 10)
    closeSync(file)
  }
  writeFileSync(before.at('zeros'), Buffer.alloc(100_000))
  await handOver(before.path, after)
  assert.equal(treeDifferences(before.path, after.path), [])
  const room = (temp: TempDirectory, name: string) => 512 * statSync(temp.at(name)).blocks
  for (const name of ['small', 'large']) assert.ok(room(after, name) <= 32 * 1024, `${name}: ${room(after, name)}`)
  assert.ok(room(after, 'zeros') >= 100_000, 'what has no holes gets none')
})

test('several names of one file stay one file, in whatever order they come', async () => {
  await using before = await makeTemp()
  mkdirSync(before.at('a'))
  writeFileSync(before.at('a/first'), 'content')
  writeFileSync(before.at('large'), Buffer.alloc(2 * packBytesTarget, 'x'))
  linkSync(before.at('a/first'), before.at('second'))
  linkSync(before.at('a/first'), before.at('a/third'))
  linkSync(before.at('large'), before.at('a/large'))
  writeFileSync(before.at('alone'), 'x')
  for (const turn of [(all: IncomingFragment[]) => all, (all: IncomingFragment[]) => all.reverse()]) {
    await using after = await makeTemp()
    await using sink = sinkAt(after)
    let chunks = 0
    const fragments = turn(await fragmentsIn(before.path))
    for (const given of fragments) {
      const { chunks: complete, refused } = await sink.restore([given], never())
      assert.equal(refused, [])
      chunks += complete
    }
    assert.equal(await sink.finish(end, never()), { dropped: 0 })
    assert.is(chunks, fragments.length)
    assert.equal(treeDifferences(before.path, after.path), [])
    const inode = (name: string) => statSync(after.at(name)).ino
    assert.is(inode('a/first'), inode('second'))
    assert.is(inode('a/first'), inode('a/third'))
    assert.is(inode('large'), inode('a/large'))
    assert.equal([statSync(after.at('alone')).nlink, statSync(after.at('second')).nlink], [1, 3])
  }
})

test('a further name whose file never comes is dropped and counted; one that leads outside is refused', async () => {
  await using temp = await makeTemp()
  await using sink = sinkAt(temp)
  const name = (path: string, target: string): IncomingFragment =>
    fragment(path, '', { type: 'name', size: 7, target: Buffer.from(target) })
  assert.is((await sink.restore([name('x', '../outside')], never())).refused[0]?.reason, 'a name of a file outside')
  assert.equal((await sink.restore([name('x', 'missing')], never())).unfinished, [0])
  // Another file stands there: the name is not given to it.
  writeFileSync(temp.at('other'), 'another')
  utimesSync(temp.at('other'), 1, 1)
  await sink.restore([name('y', 'other')], never())
  assert.equal(await sink.finish({ ...end, complete: false }, never()), { dropped: 2 })
  assert.not.ok(existsSync(temp.at('x')) || existsSync(temp.at('y')))
})

test('a further name that waited when the process ended is given by the next one', async () => {
  await using before = await makeTemp()
  await using after = await makeTemp()
  writeFileSync(before.at('a'), 'content')
  linkSync(before.at('a'), before.at('b'))
  const [name, file] = (await fragmentsIn(before.path)).sort((one, other) => other.id.length - one.id.length)
  const first = sinkAt(after)
  assert.equal((await first.restore([name!], never())).unfinished, [0])
  await first[Symbol.asyncDispose]()
  await using next = sinkAt(after)
  await next.recall([{ ...name!, length: 0 }], never())
  assert.is((await next.restore([file!], never())).chunks, 2)
  assert.is(statSync(after.at('a')).ino, statSync(after.at('b')).ino)
})

test('extended attributes go where they are asked for, of files, pieces and folders, and not otherwise', async () => {
  await using before = await makeTempOnDisk()
  mkdirSync(before.at('folder'))
  writeFileSync(before.at('folder/file'), 'x')
  writeFileSync(before.at('large'), Buffer.alloc(2 * packBytesTarget, 'x'))
  writeFileSync(before.at('plain'), 'x')
  for (const name of ['folder', 'folder/file', 'large']) xattr('set', before.at(name), `of ${name}`)
  const ofAll = (temp: TempDirectory) => ['folder', 'folder/file', 'large', 'plain'].map((name) => xattr('get', temp.at(name)))
  await using with_ = await makeTempOnDisk()
  await handOver(before.path, with_, { xattrs: true })
  assert.equal(ofAll(with_), ['of folder', 'of folder/file', 'of large', ''])
  assert.equal(treeDifferences(before.path, with_.path), [])
  await using without = await makeTempOnDisk()
  await handOver(before.path, without)
  assert.equal(ofAll(without), ['', '', '', ''])
})

test('extended attributes that are none are passed over', async () => {
  await using temp = await makeTempOnDisk()
  await using sink = counted(createDirectorySink({ name: 'files', path: temp.path, staging: temp.at('.heirloom-test'), xattrs: true }))
  const given = ['not json', '[]', '{"user.a":1}', '{"user.a":"%%%"}', '{"trusted.a":"YQ=="}'].map((text, index) => {
    const plain = fragment(`f${index}`, 'x')
    return { ...plain, attributes: withExtended(plain.attributes, Buffer.from(text)) }
  })
  assert.is((await sink.restore(given, never())).chunks, 5)
  assert.is(xattr('get', temp.at('f4')), '')
})

test("what root restores is the directory's owner's, and what anybody else restores is left as it is", async () => {
  await using temp = await makeTemp()
  const given: string[] = []
  const isRoot = process.geteuid?.() === 0
  if (isRoot) chownSync(temp.path, 1234, 4321)
  // Where it isn't root's to give, the calls alone show it.
  const { uid, gid } = isRoot ? { uid: 1234, gid: 4321 } : statSync(temp.path)
  const fileSystem = {
    ...nodeFileSystem,
    fchownSync(file: number, ...owner: [number, number]) {
      given.push(`file ${owner.join()}`)
      nodeFileSystem.fchownSync(file, ...owner)
    },
    lchownSync(path: PathLike, ...owner: [number, number]) {
      given.push(`name ${owner.join()}`)
      nodeFileSystem.lchownSync(path, ...owner)
    },
  }
  const items = (['folder/file', 'folder/link'] as const).map((path, index) => {
    const content = Buffer.from(index === 0 ? 'x' : '')
    const head = headOf(index === 0 ? { size: 1, mode: 0o4755 } : { type: 'link', target: Buffer.from('file') })
    return { id: path, path, head, version: '', offset: 0, chunkBytes: content.length, length: content.length, bytes: content }
  })
  const restore = (name: string, givesAway: boolean) => {
    const root = temp.at(name)
    mkdirSync(root)
    if (isRoot) chownSync(root, uid, gid)
    const writer = new DirectoryWriter({ root, staging: temp.at(name, '.heirloom-x'), fileSystem, givesAway })
    assert.equal(writer.restore(items).refused, [])
    writer.finish()
    return ['folder', 'folder/file', 'folder/link'].map((path) => lstatSync(temp.at(name, path)))
  }
  const [, file] = restore('given', true)
  assert.is(file!.mode & 0o7777, 0o4755, 'a change of the owner takes these bits away, and they are given back')
  if (isRoot || uid !== 0) assert.equal(given, [`name ${uid},${gid}`, `file ${uid},${gid}`, `name ${uid},${gid}`])
  if (isRoot) for (const stats of restore('again', true)) assert.equal([stats.uid, stats.gid], [uid, gid])
  given.length = 0
  restore('ours', false)
  assert.equal(given, [])
})

test.run()
