// `npm test`: every test file in a process of its own, a few at a time. Nothing passes by being silent: a file without tests,
// without `.run()`, with a child or a handle left over, or that matches nothing, fails. The last line is `N passed, N failed`.

import { join } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { failure, fileLine, lastLine, slowest } from './test/report.ts'
import { runFile, type FileReport } from './test/run-file.ts'
import { findTestFiles, isRuntime } from './test/test-file.ts'

const usage = `npm test -- [PATTERN…] [--jobs N] [--runtime node|deno] [--root DIR]

Runs test/**/*.test.ts; with patterns those whose path contains one of them.
  --jobs N      files at a time (3: much of a test is waiting)
  --runtime R   only this runtime; without it every file runs on all that its head names ("// runs on: node, deno")
  --root DIR    the checkout (this one)

Example: npm test -- wire/frame --runtime node`

async function main(signal: AbortSignal): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      jobs: { type: 'string', default: '3' },
      runtime: { type: 'string' },
      root: { type: 'string', default: join(import.meta.dirname, '..') },
      help: { type: 'boolean' },
    },
  })
  const jobs = Number(values.jobs)
  if (values.help || !Number.isInteger(jobs) || jobs < 1 || (values.runtime !== undefined && !isRuntime(values.runtime))) {
    console.log(usage)
    return values.help ? 0 : 64
  }
  const runs = findTestFiles(values.root, positionals).flatMap((file) =>
    file.runtimes.filter((runtime) => values.runtime === undefined || runtime === values.runtime).map((runtime) => ({ file, runtime })),
  )
  if (runs.length === 0) {
    console.log('no test file matches\n0 passed, 1 failed')
    return 1
  }
  const queue = runs.values()
  const reports: FileReport[] = []
  const work = async () => {
    for (const { file, runtime } of queue) {
      if (signal.aborted) return
      const report = await runFile(values.root, file, runtime, signal)
      reports.push(report)
      console.log(fileLine(report) + failure(report))
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  console.log(slowest(reports))
  if (signal.aborted) console.log(`interrupted: ${runs.length - reports.length} of ${runs.length} files did not run`)
  console.log(lastLine(reports))
  if (signal.aborted) return 130
  return reports.some((report) => report.failed > 0) ? 1 : 0
}

const interrupted = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupted.abort())
process.exitCode = await main(interrupted.signal)
