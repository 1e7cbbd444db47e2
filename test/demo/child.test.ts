// The demo's child processes: what they say is heard, how they fail is told, and none of them stays.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Child } from '../../scripts/demo/child.ts'
import { Children } from '../../scripts/demo/children.ts'

const test = suite('children of the demo')
const signal = AbortSignal.timeout(60_000)

function program(text: string) {
  return { name: 'the program', cwd: import.meta.dirname, command: ['-e', text] }
}

async function failureOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no failure',
    (error: Error) => error.message,
  )
}

const stays = 'console.log(JSON.stringify({ event: "up", pid: process.pid })); setInterval(() => {}, 1000)'

/** Whether there is such a process; the demo waits for its children, so that none lingers as a zombie either. */
function isThere(pid: unknown): boolean {
  try {
    return process.kill(Number(pid), 0)
  } catch {
    return false
  }
}

test('a line that came before anybody asked is heard, and one that comes later as well', async () => {
  await using children = new Children()
  const child = children.start(program('console.log("noise"); console.log("{}"); console.log(JSON.stringify({ event: "a", n: 1 }))'))
  assert.is((await child.first('a', { signal }))['n'], 1)
  assert.is((await child.first(['b', 'a'], { signal }))['n'], 1)
  await child.expectEnd([0], { signal })
})

test('a child that ends before it said what was expected fails with its last words', async () => {
  await using children = new Children()
  const child = children.start(program('console.error("no such key"); process.exitCode = 7'))
  const message = await failureOf(child.first('up', { signal }))
  assert.match(message, 'ended with code 7')
  assert.match(message, 'no such key')
  assert.match(await failureOf(child.expectEnd([0], { signal })), 'no such key')
})

test('a program that can not be started fails in the same way', async () => {
  await using children = new Children()
  const child = children.start({ name: 'nothing', cwd: '/does/not/exist', command: ['x'] })
  assert.match(await failureOf(child.first('up', { signal })), 'ended with code 127')
})

test('a child that was to stay and ended is named as the cause', async () => {
  await using children = new Children()
  const lost = Promise.withResolvers<Error>()
  children.lost.addEventListener('abort', () => lost.resolve(children.lost.reason as Error))
  children.startLasting(program('console.error("out of memory"); process.exitCode = 9'))
  assert.match((await lost.promise).message, 'out of memory')
})

test('when the demo is over its children are gone, and their end is no failure', async () => {
  const pids: unknown[] = []
  const children = new Children()
  const all: Child[] = [children.start(program(stays)), children.startLasting(program(stays))]
  for (const child of all) pids.push((await child.first('up', { signal }))['pid'])
  assert.ok(pids.every(isThere))
  await children[Symbol.asyncDispose]()
  await children[Symbol.asyncDispose]()
  assert.not.ok(pids.some(isThere))
  assert.not.ok(children.lost.aborted)
})

test('waiting ends as soon as the demo is interrupted', async () => {
  await using children = new Children()
  const child = children.start(program(stays))
  const interrupt = new AbortController()
  const waiting = failureOf(child.first('never', { signal: interrupt.signal }))
  interrupt.abort(new Error('interrupted'))
  assert.is(await waiting, 'interrupted')
})

test.run()
