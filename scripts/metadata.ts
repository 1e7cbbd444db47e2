// `npm run metadata`: a metadata service on this machine that plays a cloud, for trying what an agent makes of its notices. Commands come
// on standard input, or as the body of a POST to /heirloom.

import { createInterface } from 'node:readline'
import { CommanderError } from 'commander'
import { onInterrupt, runAsProcess } from '../src/cli/entry.ts'
import type { Terminal } from '../src/cli/output.ts'
import { asHeirloomError, HeirloomError } from '../src/errors.ts'
import { FakeCloud } from '../test/cloud/fake-cloud.ts'
import { serveCloud } from '../test/cloud/metadata-server.ts'
import { commandHelp, obey } from './metadata/command.ts'
import { parseMetadataOptions } from './metadata/options.ts'

async function metadata(args: readonly string[], { stdout, stderr }: Terminal): Promise<number> {
  using interrupt = onInterrupt()
  try {
    const { cloud: kind, port, json } = parseMetadataOptions(args, (text) => void stderr.write(text))
    const cloud = new FakeCloud(kind)
    const say = (fields: Record<string, unknown>, text: string) => void stdout.write(json ? `${JSON.stringify(fields)}\n` : `${text}\n`)
    const take = (command: string): string => {
      const answer = tryTo(command, cloud)
      say({ event: 'command', command: command.trim(), answer }, answer)
      return answer
    }
    const before = (method: string, path: string, body: string) => {
      if (method === 'POST' && path === '/heirloom') return `${take(body)}\n`
      if (method === 'POST') say({ event: 'post', path, body }, `POST ${path} ${body}`)
      return undefined
    }
    await using server = await serveCloud(cloud, { port, before })
    say(
      { event: 'listening', cloud: kind, url: server.url },
      `${server.url} plays ${kind}; in a configuration: { kind: ${kind}, endpoint: "${server.url}" }`,
    )
    if (!json) stdout.write(`${commandHelp}\n`)
    const lines = createInterface({ input: process.stdin })
    interrupt.signal.addEventListener('abort', () => lines.close(), { once: true })
    for await (const line of lines) {
      if (line.trim() === 'quit') return 0
      if (line.trim() !== '') take(line)
    }
    // Without an input to read from it serves until it is interrupted.
    if (!interrupt.signal.aborted)
      await new Promise<void>((resolve) => interrupt.signal.addEventListener('abort', () => resolve(), { once: true }))
    return 0
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : new HeirloomError('usage', '').exitCode
    const { message, exitCode } = asHeirloomError(thrown)
    stderr.write(`${message}\n`)
    return exitCode
  }
}

function tryTo(command: string, cloud: FakeCloud): string {
  try {
    return obey(command, cloud)
  } catch (thrown) {
    return `error: ${asHeirloomError(thrown).message}`
  }
}

await runAsProcess(metadata)
