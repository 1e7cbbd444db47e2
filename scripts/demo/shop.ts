// The shop's own HTTP interface as a fetch handler: products, carts, and what it has seen so far.

import type { ShopState } from './shop-state.ts'

/** What `GET /stats` answers. */
export interface ShopStats {
  readonly requests: number
  readonly hits: number
  readonly originReads: number
  readonly products: number
  /** Of the products' documents. */
  readonly productBytes: number
  readonly sessions: number
  readonly cartItems: number
  readonly cartItemsRestored: number
  /** The first chunks that were restored into this shop, in the order of their coming. */
  readonly firstRestored: readonly string[]
  readonly restored: number
  /** The agent has said that all that will come has come. */
  readonly ready: boolean
}

export class Shop {
  readonly #state: ShopState
  #requests = 0
  #hits = 0
  #restored = 0
  #ready = false
  readonly #firstRestored: string[] = []

  constructor(state: ShopState) {
    this.#state = state
  }

  /** For the app source's `onRestore`. */
  readonly noteRestore = (id: string): void => {
    this.#restored++
    if (this.#firstRestored.length < 5) this.#firstRestored.push(id)
  }

  readonly noteReady = (): void => {
    this.#ready = true
  }

  stats(): ShopStats {
    return {
      requests: this.#requests,
      hits: this.#hits,
      originReads: this.#state.originReads,
      products: this.#state.products.size,
      productBytes: this.#state.productBytes(),
      sessions: this.#state.sessions.size,
      cartItems: this.#state.cartItems(),
      cartItemsRestored: this.#state.cartItemsRestored,
      firstRestored: this.#firstRestored,
      restored: this.#restored,
      ready: this.#ready,
    }
  }

  readonly fetch = async (request: Request): Promise<Response> => {
    const [noun, first, second, ...more] = new URL(request.url).pathname.slice(1).split('/')
    if (request.method === 'GET' && noun === 'stats' && first === undefined) return Response.json(this.stats())
    if (request.method === 'GET' && noun === 'products' && isNumber(first) && second === undefined) {
      const { document, hit } = await this.#state.product(Number(first))
      return this.#answer(document, hit)
    }
    if (request.method === 'POST' && noun === 'carts' && first && isNumber(second) && more.length === 0) {
      const { cart, hit } = await this.#state.addToCart(first, Number(second))
      return this.#answer(JSON.stringify({ cart }), hit)
    }
    return new Response('not found\n', { status: 404 })
  }

  #answer(body: string, hit: boolean): Response {
    this.#requests++
    if (hit) this.#hits++
    return new Response(body, { headers: { 'content-type': 'application/json', 'x-cache': hit ? 'hit' : 'miss' } })
  }
}

function isNumber(text: string | undefined): text is string {
  return text !== undefined && /^\d{1,9}$/.test(text)
}
