// A shop's HTTP interface as its users and the demo call it, over connections that are kept open.

import { Pool } from 'undici'
import { HeirloomError } from '../../src/errors.ts'
import type { Send } from './load.ts'
import { productDocument } from './origin.ts'
import type { ShopStats } from './shop.ts'

export class ShopClient implements AsyncDisposable {
  readonly #pool: Pool

  constructor(url: string, connections = 64) {
    this.#pool = new Pool(url, { connections })
  }

  readonly send: Send = async ({ method, path }, signal) => {
    const { statusCode, headers, body } = await this.#pool.request({ method, path, signal })
    const text = await body.text()
    if (statusCode !== 200) throw new HeirloomError('io', `the shop answered ${method} ${path} with ${statusCode}`)
    const [, noun, id] = path.split('/')
    if (noun === 'products' && text !== productDocument(Number(id)))
      throw new HeirloomError('io', `the shop answered ${path} with another product`)
    return { hit: headers['x-cache'] === 'hit' }
  }

  async stats(signal: AbortSignal): Promise<ShopStats> {
    const { body } = await this.#pool.request({ method: 'GET', path: '/stats', signal })
    return (await body.json()) as ShopStats
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.destroy()
  }
}
