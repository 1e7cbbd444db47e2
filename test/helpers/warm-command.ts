// A program for sources of kind `command`: chunks are files in a folder, named by their ids in hexadecimal. `dump`: FOLDER, then index or chunks;
// `load`: FOLDER and load. HEIRLOOM_TEST_COMMAND says what it does wrong: hang, complain, garbage, long, stop (in the middle of a chunk), refuse.

import { readdirSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { spawn } from 'node:child_process'

const [, , folder = '', step = ''] = process.argv
const fault = process.env['HEIRLOOM_TEST_COMMAND']

function say(bytes: string | Uint8Array): void {
  const all = Buffer.from(bytes)
  for (let at = 0; at < all.byteLength;) {
    try {
      at += writeSync(1, all, at)
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EAGAIN') throw thrown
    }
  }
}

const fileOf = (id: string) => join(folder, Buffer.from(id).toString('hex'))

function index(): void {
  if (fault === 'long') say(`{"id":"${'x'.repeat(100_000)}"}\n`)
  if (fault === 'garbage') say('this is no index\n')
  if (fault === 'hang') {
    // A child of its own, which must go with it.
    const child = spawn('sleep', ['1000'])
    say(`{"id":"${child.pid}"}\n`)
    setInterval(() => {}, 1e6)
    return
  }
  for (const name of readdirSync(folder)) {
    if (!name.endsWith('.part')) say(`${JSON.stringify({ id: Buffer.from(name, 'hex').toString() })}\n`)
  }
  if (fault === 'complain') {
    process.stderr.write('the cache is locked\n')
    process.exitCode = 3
  }
}

function answer(line: string): void {
  const { id } = JSON.parse(line) as { id: string }
  if (fault === 'garbage') return say('what?\n')
  let bytes: Buffer
  try {
    bytes = readFileSync(fileOf(id))
  } catch {
    return say(`${JSON.stringify({ id, leftOut: 'vanished' })}\n`)
  }
  say(`${JSON.stringify({ id, bytes: bytes.byteLength, version: 'v1' })}\n`)
  if (fault === 'stop') {
    process.stderr.write('out of memory\n')
    process.exit(9)
  }
  say(bytes)
}

/** Calls `take` with each line; the bytes that one announces are left to the one that follows. */
async function lines(take: (line: string, bytes: (count: number) => Promise<Buffer>) => void | Promise<void>): Promise<void> {
  const input = process.stdin[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  let held = Buffer.alloc(0)
  const more = async () => {
    const { value, done } = await input.next()
    if (done !== true) held = Buffer.concat([held, value])
    return done !== true
  }
  const bytes = async (count: number) => {
    while (held.byteLength < count) await more()
    const taken = held.subarray(0, count)
    held = held.subarray(count)
    return taken
  }
  for (;;) {
    const end = held.indexOf(10)
    if (end >= 0) {
      const line = held.subarray(0, end).toString()
      held = held.subarray(end + 1)
      await take(line, bytes)
    } else if (!(await more())) return
  }
}

if (step === 'index') index()
else if (step === 'chunks') await lines(answer)
else
  await lines(async (line, bytes) => {
    const head = JSON.parse(line) as { id: string; bytes: number; ready?: object }
    if (head.ready !== undefined) return writeFileSync(`${folder}/ready.part`, JSON.stringify(head.ready))
    const content = await bytes(head.bytes)
    if (fault === 'hang') return
    if (fault === 'stop') process.exit(9)
    if (head.id === 'refuse me') return say(`${JSON.stringify({ id: head.id, refused: 'no room for it' })}\n`)
    writeFileSync(`${fileOf(head.id)}.part`, content)
    renameSync(`${fileOf(head.id)}.part`, fileOf(head.id))
    say(`${JSON.stringify({ id: head.id })}\n`)
  })
