import { appendFileSync, mkdirSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import * as fs from 'node:fs'
import { execFileSync } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isLeftOut, type LeftOut } from '../../src/chunk/chunk.ts'
import { HeirloomError } from '../../src/errors.ts'
import { packBytesTarget } from '../../src/limits/wire.ts'
import type { FileSystem } from '../../peer/source/directory/file-system.ts'
import { decodeAttributes } from '../../peer/source/directory/attributes.ts'
import { listEntries } from '../../peer/source/directory/listing.ts'
import { pathText } from '../../peer/source/directory/path.ts'
import { BatchMemory, FileReader, type NotRead, type ReadContent } from '../../peer/source/directory/reader.ts'
import { createDirectorySource } from '../../peer/source/directory/source.ts'
import { Walker } from '../../peer/source/directory/walk.ts'
import { contentOf, leftOutOf, list, readAll, testSource } from '../contract/source.ts'
import { makeTemp } from '../helpers/temp.ts'

const test = suite('directory source')

testSource('directory', {
  async open(content) {
    const temp = await makeTemp()
    for (const [name, bytes] of content) writeFileSync(temp.at(name), bytes)
    const source = createDirectorySource({ name: 'files', path: temp.path })
    const remove = (id: string) => rmSync(temp.at(id))
    return {
      source,
      remove,
      async [Symbol.asyncDispose]() {
        await source[Symbol.asyncDispose]()
        await temp[Symbol.asyncDispose]()
      },
    }
  },
  async openAbsent() {
    await using temp = await makeTemp()
    return createDirectorySource({ name: 'files', path: temp.at('nothing here') })
  },
  idsOf: (name, bytes) =>
    bytes <= packBytesTarget
      ? [name]
      : Array.from({ length: Math.ceil(bytes / packBytesTarget) }, (_, index) => `${name}//${index * packBytesTarget}`),
})

test('folders and links come before files, as metadata, folders before what is in them', async () => {
  await using temp = await makeTemp()
  mkdirSync(temp.at('a/b'), { recursive: true })
  writeFileSync(temp.at('a/b/c'), 'c')
  symlinkSync('/nowhere/at/all', temp.at('dangling'))
  await using source = createDirectorySource({ name: 'files', path: temp.path })
  const chunks = await list(source)
  assert.equal(chunks.map(({ id, kind }) => `${kind} ${id}`).slice(-1), ['data a/b/c'])
  const metadata = chunks.filter(({ kind }) => kind === 'metadata').map(({ id }) => id)
  assert.equal([...metadata].sort(), ['a/', 'a/b/', 'dangling//->'])
  assert.ok(metadata.indexOf('a/') < metadata.indexOf('a/b/'))
  const [link] = (await readAll(source, chunks)).filter(({ chunk }) => chunk.id === 'dangling//->')
  assert.ok(link !== undefined && !isLeftOut(link))
  const decoded = decodeAttributes(link.attributes!)
  assert.is('head' in decoded && Buffer.from(decoded.head.target).toString(), '/nowhere/at/all')
})

test('modes and modification times travel to the nanosecond', async () => {
  await using temp = await makeTemp()
  writeFileSync(temp.at('f'), 'x', { mode: 0o640 })
  await using source = createDirectorySource({ name: 'files', path: temp.path })
  const [part] = await readAll(source, await list(source))
  assert.ok(part !== undefined && !isLeftOut(part))
  const decoded = decodeAttributes(part.attributes!)
  if (!('head' in decoded)) throw new Error(decoded.problem)
  const stats = statSync(temp.at('f'), { bigint: true })
  assert.is(BigInt(decoded.head.mtimeS) * 1_000_000_000n + BigInt(decoded.head.mtimeNs), stats.mtimeNs)
  assert.is(decoded.head.mode, Number(stats.mode & 0o7777n))
})

test('files come in the order that was asked for, and the most recent are the likeliest', async () => {
  await using temp = await makeTemp()
  const files = { b: { size: 10, age: 1 }, a: { size: 30, age: 3 }, c: { size: 20, age: 2 } }
  for (const [name, { size, age }] of Object.entries(files)) {
    writeFileSync(temp.at(name), Buffer.alloc(size))
    utimesSync(temp.at(name), 1_700_000_000 - age * 3600, 1_700_000_000 - age * 3600)
  }
  for (const [order, expected] of Object.entries({ recency: 'bca', forecast: 'bca', size: 'bca', key: 'abc' })) {
    await using source = createDirectorySource({ name: 'files', path: temp.path, order: order as 'key' })
    const chunks = await list(source)
    assert.is(chunks.map(({ id }) => id).join(''), expected, order)
    const weights = new Map(chunks.map(({ id, readProbability }) => [id, readProbability!]))
    assert.ok(weights.get('b')! > weights.get('c')! && weights.get('c')! > weights.get('a')!, order)
  }
})

test('globs choose what belongs to the state', async () => {
  await using temp = await makeTemp()
  mkdirSync(temp.at('cache/tmp'), { recursive: true })
  for (const name of ['keep.bin', 'no.txt', 'cache/also.bin', 'cache/tmp/never.bin']) writeFileSync(temp.at(name), name)
  await using source = createDirectorySource({ name: 'files', path: temp.path, include: ['**/*.bin', '*.bin'], exclude: ['cache/tmp'] })
  assert.equal((await list(source)).map(({ id }) => id).sort(), ['cache/', 'cache/also.bin', 'keep.bin'])
})

test('what is neither file, directory nor link is left out with a warning, and so is the staging of a restore', async () => {
  await using temp = await makeTemp()
  execFileSync('mkfifo', [temp.at('pipe')])
  mkdirSync(temp.at('.heirloom-x'))
  writeFileSync(temp.at('.heirloom-x/part'), 'x')
  const warnings: string[] = []
  await using source = createDirectorySource({ name: 'files', path: temp.path, onWarning: (text) => warnings.push(text) })
  assert.equal(await list(source), [])
  assert.is(warnings.length, 1)
  assert.match(warnings[0]!, /^files: pipe is left out/)
})

test('a name that is not UTF-8 survives', async () => {
  await using temp = await makeTemp()
  const name = Buffer.from([0x66, 0xff, 0x25])
  writeFileSync(Buffer.concat([Buffer.from(`${temp.path}/`), name]), 'odd')
  await using source = createDirectorySource({ name: 'files', path: temp.path })
  const [chunk] = await list(source)
  assert.is(chunk!.id, '//66ff25')
  const parts = await readAll(source, [chunk!])
  assert.is(contentOf('//66ff25', parts).toString(), 'odd')
  const [part] = parts
  const decoded = decodeAttributes((part as { attributes: Uint8Array }).attributes)
  assert.ok('path' in decoded && name.equals(Buffer.from(decoded.path)))
})

test('pieces of a file that changed since it was listed are left out, never mixed with the new state', async () => {
  await using temp = await makeTemp()
  writeFileSync(temp.at('big'), Buffer.alloc(3 * packBytesTarget, 'a'))
  await using source = createDirectorySource({ name: 'files', path: temp.path })
  const chunks = await list(source)
  assert.is((await readAll(source, chunks.slice(0, 1))).filter(isLeftOut).length, 0)
  writeFileSync(temp.at('other'), Buffer.alloc(3 * packBytesTarget, 'b'))
  renameSync(temp.at('other'), temp.at('big'))
  const rest = await readAll(source, chunks.slice(1))
  assert.equal(
    rest.map((part) => (part as LeftOut).leftOut),
    ['changed', 'changed'],
  )
})

test('a small file that outgrew its chunk is left out, one that only changed is sent as it is now', async () => {
  await using temp = await makeTemp()
  writeFileSync(temp.at('grown'), 'small')
  writeFileSync(temp.at('longer'), 'short')
  await using source = createDirectorySource({ name: 'files', path: temp.path })
  const chunks = await list(source)
  appendFileSync(temp.at('grown'), Buffer.alloc(packBytesTarget))
  appendFileSync(temp.at('longer'), Buffer.alloc(300_000, 'z'))
  const parts = await readAll(source, chunks)
  assert.is(leftOutOf('grown', parts).leftOut, 'changed')
  assert.is(contentOf('longer', parts).byteLength, 300_005)
})

test('a folder that became a link out of the directory is not followed', async () => {
  await using temp = await makeTemp()
  mkdirSync(temp.at('root/inner'), { recursive: true })
  mkdirSync(temp.at('outside'))
  writeFileSync(temp.at('root/inner/f'), 'inside')
  writeFileSync(temp.at('outside/f'), 'secret')
  await using source = createDirectorySource({ name: 'files', path: temp.at('root') })
  const chunks = await list(source)
  renameSync(temp.at('root/inner'), temp.at('root/old'))
  symlinkSync(temp.at('outside'), temp.at('root/inner'))
  assert.is(leftOutOf('inner/f', await readAll(source, chunks)).leftOut, 'changed')
})

test('a file that became a link or a pipe is not opened', async () => {
  await using temp = await makeTemp()
  for (const name of ['link', 'pipe']) writeFileSync(temp.at(name), name)
  await using source = createDirectorySource({ name: 'files', path: temp.path })
  const chunks = await list(source)
  for (const name of ['link', 'pipe']) rmSync(temp.at(name))
  symlinkSync('/etc/hostname', temp.at('link'))
  execFileSync('mkfifo', [temp.at('pipe')])
  const parts = await readAll(source, chunks)
  assert.is(leftOutOf('link', parts).leftOut, 'changed')
  assert.is(leftOutOf('pipe', parts).leftOut, 'changed')
})

test('ids that lead out of the directory, or are none, are not read', async () => {
  await using temp = await makeTemp()
  mkdirSync(temp.at('root'))
  writeFileSync(temp.at('secret'), 'secret')
  await using source = createDirectorySource({ name: 'files', path: temp.at('root') })
  const ids = ['../secret', '/etc/hostname', 'a/../../secret', '', '.', '//2e2e2f736563726574', 'x\0y', 'a//b']
  const parts = await readAll(
    source,
    ids.map((id) => ({ id, kind: 'data' as const })),
  )
  assert.equal(
    parts.map((part) => (part as LeftOut).leftOut),
    ids.map(() => 'unsupported'),
  )
})

/** A file system in which something happens at a chosen call. */
function interfering(overrides: Partial<FileSystem>): FileSystem {
  return { ...fs, ...overrides }
}

function readOne(root: string, id: string, fileSystem: FileSystem): ReadContent | NotRead {
  return new FileReader({ root, fileSystem }).readBatch([{ id, bytes: 10, version: '' }], new BatchMemory(10))[0]!
}

test('a file that is written while it is read is read once more, and left out if it is written again', async () => {
  await using temp = await makeTemp()
  for (const [writes, expected] of [
    [1, 'content 1'],
    [2, 'changed'],
  ] as const) {
    writeFileSync(temp.at('f'), 'content 0')
    let left: number = writes
    const readSync = ((...call: Parameters<typeof fs.readSync>) => {
      // A time of its own for every write: the file system's clock may not have moved on.
      if (left > 0) {
        writeFileSync(temp.at('f'), `content ${writes - left + 1}`)
        utimesSync(temp.at('f'), left, left)
        left--
      }
      return fs.readSync(...call)
    }) as typeof fs.readSync
    const result = readOne(temp.path, 'f', interfering({ readSync }))
    assert.is('leftOut' in result ? result.leftOut : Buffer.from(result.bytes).toString(), expected)
  }
})

test('what the file system refuses for one file costs that file only', async () => {
  await using temp = await makeTemp()
  writeFileSync(temp.at('f'), 'x')
  writeFileSync(temp.at('g'), 'y')
  for (const [code, expected] of Object.entries({
    EACCES: 'unreadable',
    EPERM: 'unreadable',
    EIO: 'unreadable',
    ENOENT: 'vanished',
    ELOOP: 'changed',
  })) {
    const openSync = ((path: string, flags: number) => {
      if (path.endsWith('/f')) throw Object.assign(new Error(code), { code })
      return fs.openSync(path, flags)
    }) as typeof fs.openSync
    const reader = new FileReader({ root: temp.path, fileSystem: interfering({ openSync }) })
    const [f, g] = reader.readBatch(
      [
        { id: 'f', bytes: 1, version: '' },
        { id: 'g', bytes: 1, version: '' },
      ],
      new BatchMemory(2),
    )
    assert.is((f as NotRead).leftOut, expected, code)
    assert.is(Buffer.from((g as ReadContent).bytes).toString(), 'y')
  }
})

test('no file stays open, whatever happens while it is read', async () => {
  await using temp = await makeTemp()
  writeFileSync(temp.at('f'), 'content')
  const open = new Set<number>()
  const fail = Object.assign(new Error('EIO'), { code: 'EIO' })
  const counted = (overrides: Partial<FileSystem>) =>
    interfering({
      openSync: (...call: Parameters<typeof fs.openSync>) => {
        const file = fs.openSync(...call)
        open.add(file)
        return file
      },
      closeSync: (file: number) => {
        fs.closeSync(file)
        open.delete(file)
      },
      ...overrides,
    })
  const throwing = (() => {
    throw fail
  }) as never
  for (const overrides of [{}, { readSync: throwing }, { fstatSync: throwing }, { readSync: (() => 0) as never }])
    readOne(temp.path, 'f', counted(overrides))
  assert.is(open.size, 0)
})

test('a second walk finds what is new, gone and changed, and looks at nothing else again', async () => {
  await using temp = await makeTemp()
  for (const folder of ['still', 'busy']) mkdirSync(temp.at(folder))
  const old = 1_600_000_000
  for (const name of ['still/a', 'still/b', 'busy/gone', 'busy/kept']) {
    writeFileSync(temp.at(name), name)
    utimesSync(temp.at(name), old, old)
  }
  writeFileSync(temp.at('still/big'), Buffer.alloc(packBytesTarget + 1))
  const looked: string[] = []
  const lstatSync = ((path: string, options: never) => {
    looked.push(path.slice(temp.path.length + 1))
    return fs.lstatSync(path, options)
  }) as typeof fs.lstatSync
  const walker = new Walker({ root: temp.path, fileSystem: interfering({ lstatSync }) })
  // The second walk is far enough from the changes that the folders' times can be trusted.
  const laterMs = Date.now() + 3_600_000
  const walk = (nowMs: number) => [...listEntries(walker, 'key', nowMs, () => {})].flat().map(({ path }) => pathText(path))
  walk(laterMs)
  rmSync(temp.at('busy/gone'))
  writeFileSync(temp.at('busy/new'), 'new')
  appendFileSync(temp.at('still/big'), 'more')
  looked.length = 0
  assert.equal(walk(laterMs + 1).sort(), ['busy', 'busy/kept', 'busy/new', 'still', 'still/a', 'still/b', 'still/big'])
  assert.not.ok(looked.includes('still/a'))
  assert.ok(looked.includes('still/big') && looked.includes('busy/new'))
})

test('a folder that can not be read is told and costs only what is in it', async () => {
  await using temp = await makeTemp()
  mkdirSync(temp.at('shut'))
  writeFileSync(temp.at('shut/f'), 'x')
  writeFileSync(temp.at('g'), 'y')
  const readdirSync = ((path: string, options: never) => {
    if (path.endsWith('/shut')) throw Object.assign(new Error('EACCES'), { code: 'EACCES' })
    return fs.readdirSync(path, options)
  }) as typeof fs.readdirSync
  const skipped: string[] = []
  const walker = new Walker({ root: temp.path, fileSystem: interfering({ readdirSync }) })
  const found = [...listEntries(walker, 'key', Date.now(), (path) => skipped.push(path))].flat().map(({ path }) => path)
  assert.equal(found, ['shut', 'g'])
  assert.equal(skipped, ['shut'])
})

test('a root that is a file is an error with a hint and not an empty state', async () => {
  await using temp = await makeTemp()
  writeFileSync(temp.at('f'), 'x')
  await using source = createDirectorySource({ name: 'files', path: temp.at('f') })
  const thrown = await list(source).catch((error: unknown) => error)
  assert.instance(thrown, HeirloomError)
  assert.is((thrown as HeirloomError).code, 'io')
})

test('a program that has nothing else to do ends by itself, after what it awaits', async () => {
  const source = new URL('../../peer/source/directory/source.ts', import.meta.url)
  const program = `
    import { createDirectorySource } from ${JSON.stringify(source.href)}
    const source = createDirectorySource({ name: 'files', path: ${JSON.stringify(import.meta.dirname)} })
    await source.warm({ signal: new AbortController().signal })
    await source[Symbol.asyncDispose]()
    const idle = createDirectorySource({ name: 'files', path: ${JSON.stringify(import.meta.dirname)} })
    await idle.warm({ signal: new AbortController().signal })
    console.log('ended')`
  assert.is(execFileSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' }), 'ended\n')
})

test('disposing a source ends what is under way', async () => {
  await using temp = await makeTemp()
  for (let index = 0; index < 50; index++) writeFileSync(temp.at(`f${index}`), Buffer.alloc(packBytesTarget / 2))
  const source = createDirectorySource({ name: 'files', path: temp.path })
  const chunks = await list(source)
  const reading = readAll(source, chunks).catch((thrown: unknown) => thrown)
  await source[Symbol.asyncDispose]()
  const ended = await reading
  assert.instance(ended, HeirloomError)
  assert.is((ended as HeirloomError).code, 'aborted')
})

test.run()
