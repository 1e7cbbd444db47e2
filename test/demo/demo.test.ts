// The whole demo as a user starts it, with a small directory: both ways hand everything over, and nothing stays behind.

import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Children } from '../../scripts/demo/children.ts'
import type { ScenarioResult } from '../../scripts/demo/scenario.ts'

const test = suite<{ folder: string; directory: string; temp: string }>('demo')
const root = join(import.meta.dirname, '../..')
const signal = AbortSignal.timeout(110_000)

test.before.each(async (context) => {
  // A name of its own for the temporary folder of the demo, to see that it leaves nothing there.
  context.folder = await mkdtemp(join(tmpdir(), 'demo-'))
  context.directory = join(context.folder, 'tree')
  context.temp = join(context.folder, 'tmp')
  await mkdir(join(context.directory, 'deep/empty'), { recursive: true })
  await mkdir(context.temp)
  for (let index = 0; index < 200; index++) await writeFile(join(context.directory, 'deep', `file-${index}`), 'x'.repeat(index * 50))
})

test.after.each(async ({ folder }) => {
  await rm(folder, { recursive: true, force: true })
})

test('the demo hands a shop and a directory to a successor that is up, and to one that comes later', async ({ directory, temp }) => {
  await using children = new Children()
  const command = ['scripts/demo.ts', '--directory', directory, '--seconds', '2', '--json']
  const demo = children.start({ name: 'the demo', cwd: root, command, env: { ...process.env, TMPDIR: temp } })
  const { succeeded, runs } = (await demo.first('result', { signal })) as unknown as { succeeded: boolean; runs: ScenarioResult[] }
  await demo.expectEnd([0], { signal })
  assert.ok(succeeded)
  const [direct, later] = runs as [ScenarioResult, ScenarioResult]
  assert.equal([direct.kind, direct.handoff['outcome']], ['direct', 'delivered'])
  assert.equal([later.kind, later.handoff['outcome']], ['later', 'parked'])
  for (const { inherited, files, before, after, warm, cold, queryMs, firstPackMs } of runs) {
    assert.is(inherited['outcome'], 'delivered')
    assert.equal(files, { files: 200, bytes: 50 * 199 * 100 })
    assert.is(after.cartItemsRestored, before.cartItems)
    assert.ok(before.cartItems > 0)
    assert.ok(warm.load.hitRate > cold.load.hitRate)
    // The application is asked after the notice and before anything is sent, and its tables come before what they describe.
    assert.ok(queryMs >= 0 && queryMs <= firstPackMs)
    assert.equal(after.firstRestored.slice(0, 2).sort(), ['products/segments', 'sessions/directory'])
  }
  assert.equal(await readdir(temp), [])
})

test('an interrupted demo ends with code 130 and leaves nothing behind', async ({ directory, temp }) => {
  await using children = new Children()
  const command = ['scripts/demo.ts', '--directory', directory, '--json']
  const demo = children.start({ name: 'the demo', cwd: root, command, env: { ...process.env, TMPDIR: temp } })
  await demo.first('step', { signal })
  demo.tell('SIGINT')
  await demo.expectEnd([130], { signal })
  assert.equal(await readdir(temp), [])
})

test('a directory that is not there is a clear error', async ({ temp }) => {
  await using children = new Children()
  const command = ['scripts/demo.ts', '--directory', '/does/not/exist', '--json']
  const demo = children.start({ name: 'the demo', cwd: root, command, env: { ...process.env, TMPDIR: temp } })
  assert.is((await demo.first('error', { signal }))['code'], 'io')
  await demo.expectEnd([74], { signal })
})

test.run()
