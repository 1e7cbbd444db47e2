// `npm start`: the main job of Heirloom for a person to see, by real processes: relay, predecessor, successor, a shop beside each.
//
// Invariant: however the demo ends, its processes are gone, and so is its folder unless it is to be kept.

import { mkdir, mkdtemp, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { CommanderError } from 'commander'
import { runAsProcess } from '../src/cli/entry.ts'
import type { Terminal } from '../src/cli/output.ts'
import { asHeirloomError, HeirloomError } from '../src/errors.ts'
import { humanSize } from '../src/units.ts'
import { Children } from './demo/children.ts'
import { type Chosen, chooseDirectory } from './demo/directory.ts'
import { type DemoOptions, parseDemoOptions } from './demo/options.ts'
import { report, succeeded } from './demo/report.ts'
import { count, runScenario, type ScenarioResult } from './demo/scenario.ts'
import { createShow, type Show } from './demo/show.ts'

const root = resolve(import.meta.dirname, '..')

const titles = {
  direct: '1  The successor is up when the notice comes: peer to peer',
  later: '2  The successor comes when the predecessor is gone: through the store of the relay',
}

async function demo(args: readonly string[], { stdout, stderr }: Terminal): Promise<number> {
  let json = false
  using interrupt = onSignals()
  try {
    const options = parseDemoOptions(args, (text) => void stderr.write(text))
    json = options.json
    const row = (fields: object) => void (json && stdout.write(`${JSON.stringify(fields)}\n`))
    const show = createShow(json ? stderr : stdout, row)
    const directory = await chooseDirectory(
      resolve(options.directory ?? join(root, 'node_modules')),
      options.directoryBytesMax,
      interrupt.signal,
    )
    describe(directory, show)
    const results = await runBoth(options, directory, show, interrupt)
    show.title(`What came of it\n\n${report(results, directory, options.servedMs)}`)
    row({ event: 'result', succeeded: succeeded(results), directory, runs: results })
    return succeeded(results) ? 0 : 3
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : new HeirloomError('usage', '').exitCode
    const { message, hint, exitCode, code } = asHeirloomError(thrown)
    if (interrupt.signal.aborted) return 130
    stderr.write(`\nThe demo failed: ${message}\n${hint === undefined ? '' : `hint: ${hint}\n`}`)
    if (code === 'internal' && thrown instanceof Error) stderr.write(`${thrown.stack}\n`)
    if (json) stdout.write(`${JSON.stringify({ event: 'error', code, message, hint, exitCode })}\n`)
    return exitCode
  }
}

function describe({ path, files, bytes, exclude }: Chosen, show: Show): void {
  show.title(`Heirloom hands over a shop's memory, and ${count(files)} files (${humanSize(bytes)}) of ${path}`)
  if (exclude.length > 0) show.line(`the directory is larger than --max-directory: ${exclude.length} of its entries stay behind`)
}

async function runBoth(options: DemoOptions, directory: Chosen, show: Show, { signal, atExit }: Interrupt): Promise<ScenarioResult[]> {
  const folder = await openFolder(directory)
  try {
    const results: ScenarioResult[] = []
    for (const kind of ['direct', 'later'] as const) {
      show.title(titles[kind])
      const own = join(folder, kind)
      await mkdir(own)
      await using children = new Children()
      atExit(() => children.endNow())
      results.push(await runScenario({ ...options, kind, folder: own, root, directory, children, show, signal }))
      // Before the folder that they write to goes.
      await children[Symbol.asyncDispose]()
      if (!options.keep) await rm(own, { recursive: true, force: true })
    }
    return results
  } finally {
    if (options.keep) show.line(`kept: ${folder}`)
    else await rm(folder, { recursive: true, force: true })
  }
}

/** The longest name that the demo gives a socket in its folder. */
const socketNameBytes = '/direct/predecessor-shop.sock'.length
/** What the strictest of the usual systems takes as the path of a socket. */
const socketPathBytesMax = 103

async function openFolder({ bytes }: Chosen): Promise<string> {
  const { bavail, bsize } = await statfs(tmpdir())
  const needed = 2.2 * bytes + 100e6
  const hint = 'set TMPDIR to another folder, or hand over less with --max-directory'
  if (bavail * bsize < needed) throw new HeirloomError('no-space', `the demo needs ${humanSize(needed)} in ${tmpdir()}`, { hint })
  const folder = await mkdtemp(join(tmpdir(), 'heirloom-'))
  if (Buffer.byteLength(folder) + socketNameBytes <= socketPathBytesMax) return folder
  await rm(folder, { recursive: true })
  throw new HeirloomError('config', `${tmpdir()} is too long a name for the sockets of the demo`, {
    hint: 'set TMPDIR to a shorter one, such as /tmp',
  })
}

interface Interrupt extends Disposable {
  readonly signal: AbortSignal
  /** What must still be done when the process goes without waiting for anything: at the second Ctrl-C. */
  atExit(run: () => void): void
}

function onSignals(): Interrupt {
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const controller = new AbortController()
  let last = () => {}
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(130)
    controller.abort(new HeirloomError('aborted', 'interrupted'))
  }
  const onExit = () => last()
  for (const name of names) process.on(name, interrupt)
  process.on('exit', onExit)
  return {
    signal: controller.signal,
    atExit(run) {
      last = run
    },
    [Symbol.dispose]() {
      for (const name of names) process.off(name, interrupt)
      process.off('exit', onExit)
    },
  }
}

await runAsProcess(demo)
