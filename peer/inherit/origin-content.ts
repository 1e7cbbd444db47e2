// Opens what a reference leads to: a file of shared storage, or what an HTTP server answers. Redirects are not followed, since nobody has
// allowed where they lead.

import { open } from 'node:fs/promises'
import { constants } from 'node:fs'
import { request, type Dispatcher } from 'undici'
import { HeirloomError } from '../../src/errors.ts'
import type { OriginPlace } from '../../src/config/origin-place.ts'

export interface OriginContent extends AsyncDisposable {
  /** Undefined when the place doesn't say. */
  readonly length: number | undefined
  readonly body: AsyncIterable<Uint8Array>
}

/** Throws `not-found`, or what the file system or the connection says. */
export function openOrigin(place: OriginPlace, options: { dispatcher: Dispatcher; signal: AbortSignal }): Promise<OriginContent> {
  return place.kind === 'file' ? openFile(place.path, options.signal) : openHttp(place.url, options)
}

async function openHttp(url: URL, { dispatcher, signal }: { dispatcher: Dispatcher; signal: AbortSignal }): Promise<OriginContent> {
  const { statusCode, headers, body } = await request(url, { method: 'GET', signal, dispatcher })
  // A body that is dropped unread may still break, and nobody is left to hear of it.
  body.on('error', () => {})
  if (statusCode !== 200) {
    body.destroy()
    throw new HeirloomError('not-found', `the origin answered with status ${statusCode}`)
  }
  const said = headers['content-encoding'] === undefined ? Number(headers['content-length'] ?? NaN) : NaN
  return {
    length: Number.isSafeInteger(said) ? said : undefined,
    body,
    [Symbol.asyncDispose]: () => Promise.resolve(void body.destroy()),
  }
}

async function openFile(path: string, signal: AbortSignal): Promise<OriginContent> {
  // A pipe would hold up the opening itself.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const stat = await file.stat()
  if (!stat.isFile()) {
    await file.close()
    throw new HeirloomError('not-found', 'the origin is not a file')
  }
  const body = file.createReadStream({ highWaterMark: 256 * 1024, autoClose: false, signal })
  return {
    length: stat.size,
    body,
    async [Symbol.asyncDispose]() {
      body.destroy()
      await file.close()
    },
  }
}
