// The package as it is published: JavaScript that runs where no TypeScript may, with declarations beside it.

import { execFile } from 'node:child_process'
import { access, readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { makeTemp } from '../helpers/temp.ts'

const build = suite('npm run build')
const checkout = join(import.meta.dirname, '../..')
const run = promisify(execFile)

build('writes a package whose programs run without type stripping, and that needs no scripts or tools', async () => {
  await using directory = await makeTemp()
  const out = directory.at('package')
  await run(process.execPath, ['scripts/build.ts', out], { cwd: checkout })
  await symlink(join(checkout, 'node_modules'), directory.at('node_modules'))
  for (const program of ['heirloom', 'heirloom-relay']) {
    const { stdout } = await run(process.execPath, ['--no-experimental-strip-types', join(out, 'bin', `${program}.js`), '--help'])
    assert.match(stdout, `Usage: ${program} `)
  }
  await access(join(out, 'src/errors.d.ts'))
  await access(join(out, 'LICENSE'))
  const written = JSON.parse(await readFile(join(out, 'package.json'), 'utf8')) as Record<string, unknown>
  for (const key of ['scripts', 'devDependencies', 'private', 'allowScripts']) assert.is(written[key], undefined, key)
  assert.not.match(JSON.stringify(written), /\.ts"(?<!\.d\.ts")/)
})

build.run()
