// Looks at the version first: an older Node would answer TypeScript with a syntax error that helps nobody. Then starts the program
// with settings that a running process can't change, by putting a new image in the place of this process: same id, same terminal.

import module from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Says that this process has its settings. */
const mark = 'HEIRLOOM_LAUNCHED'

// Packs are large buffers with small objects around them. By default the runtime lets 16 MiB of small objects gather before it looks
// which buffers are free, and then, because of the buffers, searches the whole heap, ten times a second. With this the buffers are freed as
// they fall out of use: a stream is half as fast again, and takes less memory.
const flags = ['--max-semi-space-size=1']

/** Compiled code is kept when the program has been up for so long: a daemon may never end of itself. */
const keepAfterMs = 5_000

const mebibyte = 1024 * 1024

/** Imports a program (an address relative to this file) and calls its `main`. */
export async function launch(program) {
  if (Number(process.versions.node.split('.')[0]) < 24) {
    process.stderr.write(
      `error: Heirloom needs Node.js 24 or newer; this is ${process.versions.node}. In a checkout, npx and the npm scripts bring their own.\n`,
    )
    process.exit(64)
  }
  if (process.env[mark] === undefined && process.execve !== undefined) {
    const [node, ...command] = process.argv
    process.execve(node, [node, ...flags, ...process.execArgv, ...command], { ...settings(), ...process.env, [mark]: '1' })
  }
  setTimeout(() => module.flushCompileCache?.(), keepAfterMs).unref()
  const { main } = await import(program)
  await main()
}

/** What the runtime and the C library read from the environment at the start. What the user has set stays. */
function settings() {
  return {
    // Compiled code is kept from run to run: the start takes half the time and two thirds of the memory.
    NODE_COMPILE_CACHE: join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'heirloom'),
    // Memory of packs is used again instead of given back and asked for anew, page by page (mallopt(3)).
    MALLOC_ARENA_MAX: '1',
    MALLOC_MMAP_THRESHOLD_: String(32 * mebibyte),
    MALLOC_TRIM_THRESHOLD_: String(8 * mebibyte),
    MALLOC_TOP_PAD_: String(1 * mebibyte),
  }
}
