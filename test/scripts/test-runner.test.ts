// The test runner against test files that fail in every way that uvu alone lets pass.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { makeTemp } from '../helpers/temp.ts'

const runner = suite('the test runner')
const checkout = join(import.meta.dirname, '../..')
const head = "import { suite } from 'uvu'\nconst test = suite('planted')\n"

/** Runs the runner over planted test files; resolves with what it printed, or `interrupt`s it at a text. */
async function run(
  files: Readonly<Record<string, string>>,
  args: readonly string[] = [],
  interruptAt?: string,
): Promise<{ code: number; output: string; lastLine: string }> {
  await using directory = await makeTemp()
  await mkdir(directory.at('test'))
  await writeFile(directory.at('package.json'), '{"type":"module"}')
  await symlink(join(checkout, 'node_modules'), directory.at('node_modules'))
  for (const [name, text] of Object.entries(files)) await writeFile(directory.at('test', `${name}.test.ts`), text)
  const child = spawn(process.execPath, [join(checkout, 'scripts/test.ts'), '--root', directory.path, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  let interrupted = false
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    if (interruptAt === undefined || interrupted || !output.includes(interruptAt)) return
    interrupted = true
    child.kill('SIGINT')
  })
  const [code] = (await once(child, 'close')) as [number]
  return { code, output, lastLine: output.trimEnd().split('\n').at(-1)! }
}

runner('counts the tests of all files and ends with the two numbers', async () => {
  const { code, lastLine } = await run({
    one: `${head}test('a', () => {})\ntest('b', () => {})\ntest.run()\n`,
    two: `${head}test('c', () => { throw new Error('planted failure') })\ntest('d', () => {})\ntest.run()\n`,
  })
  assert.is(lastLine, '3 passed, 1 failed')
  assert.is(code, 1)
})

runner('passes when everything passes, and says which tests were slowest', async () => {
  const { code, output, lastLine } = await run({ one: `${head}test('a', () => {})\ntest.run()\n` })
  assert.is(lastLine, '1 passed, 0 failed')
  assert.is(code, 0)
  assert.match(output, /planted: a/)
})

const failing: readonly (readonly [what: string, text: string, problem: RegExp])[] = [
  ['a file without .run()', `${head}test('a', () => {})\n`, /never calls \.run\(\) of "planted"/],
  ['a file that has nothing to do with tests', 'console.log(1)\n', /ran no tests/],
  [
    'one of two suites without .run()',
    `${head}test('a', () => {})\ntest.run()\nsuite('other')('b', () => {})\n`,
    /never calls \.run\(\) of "other"/,
  ],
  ['a file without tests', `${head}test.run()\n`, /has no tests/],
  ['a skipped test', `${head}test('a', () => {})\ntest.skip('b', () => {})\ntest.run()\n`, /1 skipped/],
  [
    'a failing before hook, which uvu swallows',
    `${head}test('a', () => {})\ntest.before(() => { throw new Error('planted') })\ntest.run()\n`,
    /1 of 1 failed/,
  ],
  ['an exit in the middle', `${head}test('a', () => process.exit(0))\ntest.run()\n`, /before its tests did, in "planted: a"/],
  [
    'a promise that never settles',
    `${head}test('stuck', () => new Promise(() => {}))\ntest.run()\n`,
    /before its tests did, in "planted: stuck"/,
  ],
  ['a failure that nobody awaits', `${head}test('a', () => { void Promise.reject(new Error('planted')) })\ntest.run()\n`, /ended with 1/],
  [
    'a test that takes longer than the file may',
    `// time-out: 1 s\n${head}test('endless', () => { for (;;); })\ntest.run()\n`,
    /took longer than 1 s, in "planted: endless"/,
  ],
  [
    'a handle that is left open',
    `import { createServer } from 'node:net'\n${head}test('a', () => { createServer().listen(0, '127.0.0.1') })\ntest.run()\n`,
    /doesn't end; left open: .*TCPServerWrap/,
  ],
  [
    'a child that is left running',
    `import { spawn } from 'node:child_process'\n${head}test('a', () => { spawn('tail', ['-f', '/dev/null'], { stdio: 'inherit' }).unref() })\ntest.run()\n`,
    /left processes running: tail -f \/dev\/null/,
  ],
]

for (const [what, text, problem] of failing) {
  runner(`fails for ${what}`, async () => {
    const { code, output, lastLine } = await run({ planted: text })
    assert.match(output, problem)
    assert.match(lastLine, /^\d+ passed, 1 failed$/)
    assert.is(code, 1)
  })
}

runner('fails when no file matches the pattern', async () => {
  const { code, lastLine } = await run({ one: `${head}test('a', () => {})\ntest.run()\n` }, ['nothing-like-it'])
  assert.is(lastLine, '0 passed, 1 failed')
  assert.is(code, 1)
})

runner('runs the files on the runtimes that their heads name', async () => {
  const which = "test('is it', () => { console.log('Deno' in globalThis ? 'on deno' : 'on node') })\ntest.run()\n"
  const files = { both: `// runs on: node, deno\n${head}${which}`, one: `${head}${which}` }
  const all = await run(files)
  assert.is(all.lastLine, '3 passed, 0 failed')
  const deno = await run(files, ['--runtime', 'deno'])
  assert.is(deno.lastLine, '1 passed, 0 failed')
  assert.match(deno.output, /both\.test\.ts \(deno\)/)
})

runner('an interrupt ends its children and is no success', async () => {
  const { code, output } = await run(
    {
      a: `${head}test('a', () => {})\ntest.run()\n`,
      b: `${head}test('endless', () => { for (;;); })\ntest.run()\n`,
    },
    ['--jobs', '1'],
    'a.test.ts',
  )
  assert.is(code, 130)
  assert.match(output, /b\.test\.ts.*was interrupted|1 of 2 files did not run/)
})

runner.run()
