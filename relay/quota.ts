// Admission: how much the handoffs of one peer, of one pool, and all together may take up in the store.
// Invariant: what is admitted and under way counts as if it were stored, so that packs that arrive together can't go over a limit together.

import { HeirloomError } from '../src/errors.ts'
import { humanSize } from '../src/units.ts'
import { keyText } from './store/handoff-key.ts'
import type { HandoffKey, HandoffRecord, PackStore } from './store/store.ts'

export interface QuotaLimits {
  /** Bytes; undefined: no bound. */
  readonly peer?: number
  readonly pool?: number
  readonly total?: number
}

type Owner = Pick<HandoffRecord, 'key' | 'predecessor'>

interface Account {
  readonly key: HandoffKey
  /** Sealed bytes of one handoff in the store, as last looked at, and admitted on their way into it. */
  storedBytes: number
  pendingBytes: number
  readonly shares: readonly Share[]
}

interface Share {
  readonly name: string
  readonly limitBytes: number
  readonly owner: string
}

export class Quota {
  readonly #limits: QuotaLimits
  readonly #store: PackStore
  readonly #accounts = new Map<string, Account>()
  /** Used bytes by owner. */
  readonly #used = new Map<string, number>()

  /** Takes what is in the store already into account, whatever the limits say of it. */
  constructor(limits: QuotaLimits, store: PackStore, records: Iterable<Owner>) {
    this.#limits = limits
    this.#store = store
    for (const record of records) this.#look(this.#accountOf(record))
  }

  /** Takes room for a pack until it is stored or has failed; then dispose it. Throws `quota`. */
  admit(owner: Owner, bytes: number): Disposable {
    const account = this.#accountOf(owner)
    for (const { name, limitBytes, owner: of } of account.shares) {
      if ((this.#used.get(of) ?? 0) + bytes <= limitBytes) continue
      throw new HeirloomError('quota', `the relay keeps at most ${humanSize(limitBytes)} for ${name}`, {
        hint: 'raise the quota, or add a relay',
      })
    }
    account.pendingBytes += bytes
    this.#use(account, bytes)
    let pending = bytes
    return {
      [Symbol.dispose]: () => {
        account.pendingBytes -= pending
        this.#use(account, -pending)
        pending = 0
        this.#look(account)
      },
    }
  }

  /** The handoff's packs are gone. */
  dropped(key: HandoffKey): void {
    const account = this.#accounts.get(keyText(key))
    if (account !== undefined) this.#look(account)
  }

  /** Sealed bytes, stored and admitted, of all pools. */
  usedBytes(): number {
    return this.#used.get('total') ?? 0
  }

  #accountOf({ key, predecessor }: Owner): Account {
    const id = keyText(key)
    const known = this.#accounts.get(id)
    if (known !== undefined) return known
    const { peer, pool, total } = this.#limits
    const shares = [
      { name: 'one peer', limitBytes: peer ?? Infinity, owner: `peer ${predecessor}` },
      { name: 'one pool', limitBytes: pool ?? Infinity, owner: `pool ${key.pool}` },
      { name: 'all pools', limitBytes: total ?? Infinity, owner: 'total' },
    ]
    const account = { key, storedBytes: 0, pendingBytes: 0, shares }
    this.#accounts.set(id, account)
    return account
  }

  /** What the store says counts; an account of nothing is closed. */
  #look(account: Account): void {
    const storedBytes = this.#store.bytes(account.key)
    this.#use(account, storedBytes - account.storedBytes)
    account.storedBytes = storedBytes
    const id = keyText(account.key)
    if (storedBytes === 0 && account.pendingBytes === 0 && this.#accounts.get(id) === account) this.#accounts.delete(id)
  }

  #use(account: Account, bytes: number): void {
    for (const { owner } of account.shares) {
      const used = (this.#used.get(owner) ?? 0) + bytes
      if (used === 0) this.#used.delete(owner)
      else this.#used.set(owner, used)
    }
  }
}
