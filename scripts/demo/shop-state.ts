// What the shop holds in memory: products that it has read from its database, and its users' sessions. A product can be read
// again at a price; a session's cart is here only.

import { LRUCache } from 'lru-cache'
import type { Clock } from '../../src/clock.ts'
import type { Origin } from './origin.ts'

export interface CachedProduct {
  readonly document: string
  /** How often it was asked for: what the order of the handoff goes by. */
  reads: number
}

export interface Session {
  readonly profile: string
  readonly cart: number[]
  /** Wall time in ms. */
  readonly expiresAtMs: number
  /** How often it was used. */
  uses: number
}

export interface ShopLimits {
  readonly productsMax: number
  readonly sessionsMax: number
  readonly cartMax: number
  readonly sessionMs: number
}

export const defaultShopLimits: ShopLimits = { productsMax: 6000, sessionsMax: 5000, cartMax: 20, sessionMs: 30 * 60_000 }

export class ShopState {
  readonly products: LRUCache<number, CachedProduct>
  readonly sessions: LRUCache<string, Session>
  readonly limits: ShopLimits
  readonly #origin: Origin
  readonly #clock: Clock

  constructor(options: { readonly origin: Origin; readonly clock: Clock; readonly limits?: ShopLimits }) {
    this.limits = options.limits ?? defaultShopLimits
    this.#origin = options.origin
    this.#clock = options.clock
    this.products = new LRUCache({ max: this.limits.productsMax })
    this.sessions = new LRUCache({ max: this.limits.sessionsMax })
  }

  get originReads(): number {
    return this.#origin.reads
  }

  /** The product's document, and whether it was in memory. */
  async product(id: number): Promise<{ document: string; hit: boolean }> {
    const cached = this.products.get(id)
    if (cached !== undefined) {
      cached.reads++
      return { document: cached.document, hit: true }
    }
    const document = await this.#origin.product(id)
    // Another request may have brought it meanwhile; its count stays.
    const present = this.products.get(id)
    if (present === undefined) this.products.set(id, { document, reads: 1 })
    else present.reads++
    return { document, hit: false }
  }

  /** Puts a product into the user's cart; without a session the user has to log in again and starts with an empty cart. */
  async addToCart(user: string, product: number): Promise<{ cart: number; hit: boolean }> {
    const present = this.#liveSession(user)
    const session = present ?? (await this.#logIn(user))
    if (session.cart.length >= this.limits.cartMax) session.cart.length = 0
    session.cart.push(product)
    session.uses++
    return { cart: session.cart.length, hit: present !== undefined }
  }

  /** Items that came with restored sessions. */
  cartItemsRestored = 0

  /** Items in all carts. */
  cartItems(): number {
    let items = 0
    for (const session of this.sessions.values()) items += session.cart.length
    return items
  }

  productBytes(): number {
    let bytes = 0
    for (const { document } of this.products.values()) bytes += document.length
    return bytes
  }

  #liveSession(user: string): Session | undefined {
    const session = this.sessions.get(user)
    return session !== undefined && session.expiresAtMs > this.#clock.nowMs() ? session : undefined
  }

  async #logIn(user: string): Promise<Session> {
    const profile = await this.#origin.profile(user)
    const present = this.#liveSession(user)
    if (present !== undefined) return present
    const session = { profile, cart: [], expiresAtMs: this.#clock.nowMs() + this.limits.sessionMs, uses: 0 }
    this.sessions.set(user, session)
    return session
  }
}
