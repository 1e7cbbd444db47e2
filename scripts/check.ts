// `npm run check`: everything about the checkout that can be judged without running the tests. All gates run, side by side,
// and all that is wrong is shown; any of it makes the exit code 1.

import { join } from 'node:path'
import process from 'node:process'
import { gates } from './check/gates.ts'

const root = join(import.meta.dirname, '..')
const failed: string[] = []
await Promise.all(
  gates.map(async ({ name, problems }) => {
    const startMs = performance.now()
    const found = (await problems(root)).trimEnd()
    console.log(
      `${found === '' ? 'ok  ' : 'FAIL'} ${name.padEnd(14)} ${((performance.now() - startMs) / 1000).toFixed(1)} s${found === '' ? '' : `\n${found}`}`,
    )
    if (found !== '') failed.push(name)
  }),
)
if (failed.length > 0) {
  console.log(`\nnot well: ${failed.join(', ')}`)
  process.exitCode = 1
}
