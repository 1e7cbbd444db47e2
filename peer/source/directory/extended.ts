// Extended attributes of files and folders, for those who want them (`xattrs: true`). Node has no call for them, so a Python does it: it is on every
// cloud's images, whose cloud-init is written in it. Only those of users ("user.…"): the others are the system's own, and many need its rights.
//
// What can't be read or set is passed over: the file itself counts.

import { asHeirloomError, HeirloomError } from '../../../src/errors.ts'
import { extendedBytesMax } from '../../../src/limits/source.ts'
import { ByteReader } from '../command/byte-reader.ts'
import { Program } from '../program.ts'
import type { RelativePath } from './entry.ts'
import { absolutePath, pathBytes } from './path.ts'

/** One line in, one line out: `{"path": HEX}` is answered with the attributes, `{"path": HEX, "set": {…}}` sets them. */
const pythonProgram = `
import base64, json, os, sys
MAX = int(sys.argv[1])

def read(path):
    found = {}
    for name in os.listxattr(path, follow_symlinks=False):
        if name.startswith('user.'):
            value = os.getxattr(path, name, follow_symlinks=False)
            found[name] = base64.b64encode(value).decode()
    return found if len(json.dumps(found)) <= MAX else {}

def write(path, values):
    for name, value in values.items():
        if name.startswith('user.'):
            os.setxattr(path, name, base64.b64decode(value), follow_symlinks=False)

for line in sys.stdin:
    try:
        asked = json.loads(line)
        path = bytes.fromhex(asked['path'])
        answer = write(path, asked['set']) if 'set' in asked else read(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        answer = {}
    sys.stdout.write(json.dumps(answer or {}) + '\\n')
    sys.stdout.flush()
`

const none = new Uint8Array(0)

export class ExtendedAttributes implements AsyncDisposable {
  readonly #root: string
  #running: { readonly program: Program; readonly answers: ByteReader } | undefined
  /** One exchange after the other. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(root: string) {
    this.#root = root
  }

  /** Of each path, as they go over the wire; empty for none. Throws `source-failed` when there is no Python. */
  async read(paths: readonly RelativePath[], signal: AbortSignal): Promise<Uint8Array[]> {
    const answers = await this.#exchange(
      paths.map((path) => ({ path: this.#hex(path) })),
      signal,
    )
    return answers.map((answer) => (answer === '{}' ? none : Buffer.from(answer)))
  }

  /** Sets what came over the wire. Throws `source-failed` when there is no Python. */
  async write(given: readonly { readonly path: RelativePath; readonly extended: Uint8Array }[], signal: AbortSignal): Promise<void> {
    const asked = given.flatMap(({ path, extended }) => {
      const set = parseAttributes(extended)
      return set === undefined ? [] : { path: this.#hex(path), set }
    })
    if (asked.length > 0) await this.#exchange(asked, signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running?.program[Symbol.asyncDispose]()
    this.#running = undefined
  }

  #hex(path: RelativePath): string {
    return Buffer.from(pathBytes(absolutePath(this.#root, path))).toString('hex')
  }

  #exchange(asked: readonly object[], signal: AbortSignal): Promise<string[]> {
    const exchange = this.#last.then(() => this.#exchangeNow(asked, signal))
    this.#last = exchange.catch(() => {})
    return exchange
  }

  async #exchangeNow(asked: readonly object[], signal: AbortSignal): Promise<string[]> {
    signal.throwIfAborted()
    const { program, answers } = (this.#running ??= start())
    const onAbort = () => program.kill()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      program.write(asked.map((line) => `${JSON.stringify(line)}\n`).join(''), signal).catch(() => {})
      const lines: string[] = []
      while (lines.length < asked.length) {
        const line = await answers.line(2 * extendedBytesMax)
        if (line === undefined) throw new HeirloomError('source-failed', 'the Python that reads extended attributes has ended')
        lines.push(line)
      }
      return lines
    } catch (thrown) {
      this.#running = undefined
      const { trouble } = await program.end()
      signal.throwIfAborted()
      const hint = 'extended attributes (xattrs: true) need a python3 in PATH'
      throw new HeirloomError('source-failed', trouble ?? asHeirloomError(thrown).message, { hint, cause: thrown })
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }
}

function start() {
  const program = new Program(['python3', '-c', pythonProgram, String(extendedBytesMax)])
  return { program, answers: new ByteReader(program.output) }
}

/** An object of texts; undefined for anything else that came over the wire. */
function parseAttributes(extended: Uint8Array): Readonly<Record<string, string>> | undefined {
  if (extended.byteLength > extendedBytesMax) return undefined
  try {
    const value: unknown = JSON.parse(Buffer.from(extended).toString('utf8'))
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    return Object.values(value).every((each) => typeof each === 'string') ? (value as Record<string, string>) : undefined
  } catch {
    return undefined
  }
}
