// The nginx of Debian's package nginx-light, as a real process with the example's configuration, on a Unix socket.

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { Agent, request } from 'undici'

const program = '/usr/sbin/nginx'
const example = join(import.meta.dirname, '../../scripts/examples/nginx.conf')

export interface TestNginx extends AsyncDisposable {
  get(path: string): Promise<{ status: number; text: string; cache: string }>
}

/** Starts it with its cache in `folder`/pages, in front of what listens at `origin` (host:port). */
export async function startNginx(folder: string, origin: string): Promise<TestNginx> {
  if (!existsSync(program)) throw new Error('this test needs nginx: apt-get install nginx-light')
  await mkdir(folder, { recursive: true })
  const socket = join(folder, 'nginx.sock')
  const config = (await readFile(example, 'utf8')).replace('127.0.0.1:8080', `unix:${socket}`).replace('127.0.0.1:9000', origin)
  // Started by root, its workers would be another user's, who may not enter the folder of temporary files.
  const user = process.getuid?.() === 0 ? 'user root;\n' : ''
  await writeFile(join(folder, 'nginx.conf'), user + config)
  const child = spawn(program, ['-p', `${folder}/`, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', (piece: Buffer) => (stderr = (stderr + piece.toString()).slice(-4000)))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  while (!(await accepts(socket))) if (child.exitCode !== null) throw new Error(`nginx has ended: ${stderr}`)
  const dispatcher = new Agent({ connect: { socketPath: socket } })
  return {
    async get(path) {
      const { statusCode, headers, body } = await request(`http://nginx${path}`, { dispatcher })
      return { status: statusCode, text: await body.text(), cache: String(headers['x-cache-status']) }
    },
    async [Symbol.asyncDispose]() {
      await dispatcher.destroy()
      child.kill('SIGQUIT')
      await ended
    },
  }
}

function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
