// A real memcached server, empty.

import { MemcachedServer, type MemcachedLink } from '../../peer/source/memcached/server.ts'
import type { MetaAnswer } from '../../peer/source/memcached/meta-answers.ts'
import { ServerProcess } from './server-process.ts'
import { makeTemp, type TempDirectory } from './temp.ts'

export interface TestMemcached extends AsyncDisposable {
  readonly url: string
  readonly temp: TempDirectory
  readonly process: ServerProcess
  /** One meta command with the value that it may have; its answer, with the value if there is one. */
  ask(command: string, value?: Uint8Array | string): Promise<MetaAnswer & { readonly value: Buffer | undefined }>
  get(key: string): Promise<Buffer | undefined>
  stats(): Promise<ReadonlyMap<string, string>>
}

const never = new AbortController().signal

/** The key as a meta command has it, whatever is in it. */
export function metaKey(key: string): string {
  return Buffer.from(key).toString('base64')
}

export async function startMemcached(args: readonly string[] = []): Promise<TestMemcached> {
  const temp = await makeTemp()
  const path = temp.at('memcached.sock')
  const process = new ServerProcess({
    program: 'memcached',
    debianPackage: 'memcached',
    args: ['-s', path, '-u', 'root', ...args],
    listensAt: { path },
  })
  const url = `unix:${path}`
  const server = new MemcachedServer(url)
  const link = (): Promise<MemcachedLink> => server.link({ signal: never, patienceMs: 10_000 })
  const ask: TestMemcached['ask'] = async (command, value) => {
    const body = value === undefined ? [] : [Buffer.from(value), Buffer.from('\r\n')]
    const { answers, buffer } = await (
      await link()
    ).send(Buffer.concat([Buffer.from(`${command}\r\n`), ...body, Buffer.from('mn\r\n')]), { signal: never })
    const [answer] = answers
    return { ...answer!, value: answer!.said === 'VA' ? Buffer.from(buffer.subarray(answer!.start, answer!.end)) : undefined }
  }
  try {
    await process.start()
  } catch (thrown) {
    await temp[Symbol.asyncDispose]()
    throw thrown
  }
  return {
    url,
    temp,
    process,
    ask,
    get: async (key) => (await ask(`mg ${metaKey(key)} v b`)).value,
    stats: async () => (await link()).stats({ signal: never }),
    async [Symbol.asyncDispose]() {
      server[Symbol.dispose]()
      await process[Symbol.asyncDispose]()
      await temp[Symbol.asyncDispose]()
    },
  }
}
