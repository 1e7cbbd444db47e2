import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isLeftOut, type Chunk } from '../../src/chunk/chunk.ts'
import { HeirloomError } from '../../src/errors.ts'
import { packBytesTarget } from '../../src/limits/wire.ts'
import { createCommandSink } from '../../peer/source/command/sink.ts'
import { createCommandSource } from '../../peer/source/command/source.ts'
import type { IncomingFragment } from '../../peer/source/source.ts'
import { cut, end, testSink } from '../contract/sink.ts'
import { leftOutOf, list, never, query, readAll, testSource } from '../contract/source.ts'
import { handClock } from '../helpers/app.ts'
import { makeTemp, type TempDirectory } from '../helpers/temp.ts'

const test = suite('command source')

const program = join(import.meta.dirname, '../helpers/warm-command.ts')
const commandIn = (temp: TempDirectory, ...args: string[]) => [process.execPath, program, temp.path, ...args]
const fileOf = (temp: TempDirectory, id: string) => temp.at(Buffer.from(id).toString('hex'))
const put = (temp: TempDirectory, id: string, bytes: Uint8Array | string) => writeFileSync(fileOf(temp, id), bytes)

/** The same command, doing something wrong. */
function faulty(fault: string, command: readonly string[]): string[] {
  return ['env', `HEIRLOOM_TEST_COMMAND=${fault}`, ...command]
}

function fragment(id: string, content: Uint8Array): IncomingFragment {
  const chunkBytes = content.byteLength
  return { id, kind: 'data', offset: 0, chunkBytes, bytes: content, version: '', expiresAtMs: 0, attributes: new Uint8Array(0) }
}

testSource('command', {
  async open(content) {
    const temp = await makeTemp()
    for (const [name, bytes] of content) put(temp, name, bytes)
    const source = createCommandSource({ name: 'tool', dump: commandIn(temp) })
    return {
      source,
      remove: (id: string) => rmSync(fileOf(temp, id)),
      async [Symbol.asyncDispose]() {
        await source[Symbol.asyncDispose]()
        await temp[Symbol.asyncDispose]()
      },
    }
  },
  async openAbsent() {
    await using temp = await makeTemp()
    return createCommandSource({ name: 'tool', dump: [temp.at('nothing here')] })
  },
  idsOf: (name) => [name],
})

testSink('command', {
  async open() {
    const temp = await makeTemp()
    const staging = await makeTemp()
    const open = () => createCommandSink({ name: 'tool', load: commandIn(temp, 'load'), staging: staging.at('staging') })
    const sinks = [open()]
    return {
      sink: sinks[0]!,
      async restart() {
        await sinks.at(-1)![Symbol.asyncDispose]()
        sinks.push(open())
        return sinks.at(-1)!
      },
      restored: (name) => (existsSync(fileOf(temp, name)) ? readFileSync(fileOf(temp, name)) : undefined),
      async [Symbol.asyncDispose]() {
        for (const sink of sinks) await sink[Symbol.asyncDispose]()
        await temp[Symbol.asyncDispose]()
        await staging[Symbol.asyncDispose]()
      },
    }
  },
  fragmentsOf: (name, content, ends) => cut(content, ends).map((part) => ({ ...fragment(name, content), ...part })),
  refusedFragment: () => fragment('refuse me', Buffer.from('x')),
})

async function failureOf(promise: Promise<unknown>): Promise<HeirloomError> {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.instance(thrown, HeirloomError)
  return thrown as HeirloomError
}

test('an index that can not be read is told with what the program says; what was listed before goes', async () => {
  await using temp = await makeTemp()
  const dump = faulty('complain', commandIn(temp))
  await using bare = createCommandSource({ name: 'tool', dump })
  const error = await failureOf(list(bare))
  assert.is(error.code, 'source-failed')
  assert.match(error.message, /exit code 3: the cache is locked/)
  put(temp, 'listed', 'x')
  const warnings: string[] = []
  await using source = createCommandSource({ name: 'tool', dump, onWarning: (text) => warnings.push(text) })
  assert.equal(
    (await list(source)).map(({ id }) => id),
    ['listed'],
  )
  assert.match(warnings[0]!, /the cache is locked; the 1 chunks that were listed go/)
})

test('lines that are no chunks cost themselves only, however long they are', async () => {
  await using temp = await makeTemp()
  put(temp, 'good', 'x')
  for (const fault of ['garbage', 'long']) {
    const warnings: string[] = []
    await using source = createCommandSource({
      name: 'tool',
      dump: faulty(fault, commandIn(temp)),
      onWarning: (text) => warnings.push(text),
    })
    assert.equal(
      (await list(source)).map(({ id }) => id),
      ['good'],
      fault,
    )
    assert.match(warnings[0]!, /1 lines of the index are not chunks/)
  }
})

test('a program that hangs is ended with all that it has started when its slice is over', async () => {
  await using temp = await makeTemp()
  const clock = handClock()
  const warnings: string[] = []
  await using source = createCommandSource({
    name: 'tool',
    dump: faulty('hang', commandIn(temp)),
    timeoutMs: 4_000,
    clock,
    onWarning: (text) => warnings.push(text),
  })
  const listing = source.inventory(query, never())[Symbol.asyncIterator]()
  const { value } = await listing.next()
  const child = Number((value as Chunk[])[0]!.id)
  assert.ok(isAlive(child))
  const rest = listing.next()
  clock.pass(4_000)
  assert.ok((await rest).done)
  assert.match(warnings[0]!, /no whole index within 4000 ms; the program was ended/)
  assert.not.ok(isAlive(child), 'its child is gone, too')
})

/** A zombie that nobody has waited for yet counts as gone. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

test('a program that stops in the middle of a chunk, or answers garbage, fails the source with its last words', async () => {
  await using temp = await makeTemp()
  put(temp, 'one', 'x')
  const chunks = [{ id: 'one', kind: 'data' as const }]
  await using stopping = createCommandSource({ name: 'tool', dump: faulty('stop', commandIn(temp)) })
  assert.match((await failureOf(readAll(stopping, chunks))).message, /before the end of a chunk .*exit code 9: out of memory/)
  await using garbage = createCommandSource({ name: 'tool', dump: faulty('garbage', commandIn(temp)) })
  assert.match((await failureOf(readAll(garbage, chunks))).message, /not a line of JSON: what\?/)
})

test('one chunk that is too large for us is left out, and the next one is read', async () => {
  const script = `while read -r line; do case $line in *big*) echo '{"id":"big","leftOut":"too-large","detail":"4 TiB"}';; *) echo '{"id":"small","bytes":2}'; printf ok;; esac; done`
  await using source = createCommandSource({ name: 'tool', dump: ['sh', '-c', script] })
  const parts = await readAll(source, [
    { id: 'big', kind: 'data' },
    { id: 'small', kind: 'data' },
  ])
  assert.is(leftOutOf('big', parts).leftOut, 'too-large')
  assert.is(parts.filter((part) => !isLeftOut(part)).length, 1)
})

test('a loading program that hangs or dies fails the sink; it hears of the end otherwise', async () => {
  await using temp = await makeTemp()
  await using staging = await makeTemp()
  const chunk = fragment('one', Buffer.alloc(packBytesTarget, 'x'))
  const clock = handClock()
  await using hanging = createCommandSink({
    name: 'tool',
    load: faulty('hang', commandIn(temp, 'load')),
    staging: staging.path,
    timeoutMs: 1_000,
    clock,
  })
  const restoring = hanging.restore([chunk], never())
  await clock.waitedFor()
  clock.pass(60_000)
  assert.match((await failureOf(restoring)).message, /did not answer within \d+ ms and was ended/)
  await using dying = createCommandSink({ name: 'tool', load: faulty('stop', commandIn(temp, 'load')), staging: staging.path })
  assert.match((await failureOf(dying.restore([chunk], never()))).message, /ended.*exit code 9/)
  await using well = createCommandSink({ name: 'tool', load: commandIn(temp, 'load'), staging: staging.path })
  await well.restore([chunk], never())
  await well.finish(end, never())
  assert.equal(JSON.parse(readFileSync(temp.at('ready.part'), 'utf8')), { receipt: 1 })
})

test.run()
