// What a handoff and its relay have to say to one another: the offer, repeated on every new link, who the heir is, and whether the store
// takes packs. A relay that doesn't answer holds up nothing.

import type { Clock } from '../../src/clock.ts'
import { Deadline } from '../../src/deadline.ts'
import { asHeirloomError } from '../../src/errors.ts'
import { laneGoodbyeMs } from '../../src/limits/lane.ts'
import { retryMaxMs } from '../../src/limits/link.ts'
import type { NewHandoff } from '../../src/seal/handoff-header.ts'
import type { Wish } from '../../src/plan/rank-successors.ts'
import type { RelayLink } from '../relay-link.ts'
import { isPassingAtRelay } from '../relay-trouble.ts'
import type { HeirFollower } from './heir-follower.ts'
import type { Standing } from './standing.ts'

/** How long the relay may take to hear of the end. */
const closeMs = 2_000

export interface OfferingOptions {
  readonly relay: RelayLink
  readonly clock: Clock
  readonly handoff: NewHandoff
  readonly deadline: Deadline
  readonly keepMs: number
  /** What the relay is told of the state, as far as it is known when it is offered. */
  readonly wish: () => Pick<Wish, 'bytes' | 'worth' | 'part'>
  readonly heir: HeirFollower
  /** Of a handoff that was begun ahead of the notice. */
  readonly ahead?: Standing | undefined
  readonly signal: AbortSignal
  readonly onChange: () => void
  /** From now on another relay is used: what only the one before has counts as lost. */
  readonly onMoved: () => void
  /** Something that the receipt is to say. */
  readonly onNote: (note: string) => void
}

export class Offering {
  readonly #options: OfferingOptions
  /** The relay that it was offered to last. */
  #relay: string | undefined
  #isKnown = false
  #isRefused = false
  #cancelAgain: () => void = () => {}

  constructor(options: OfferingOptions) {
    this.#options = options
  }

  /** The relay was asked, and has answered: from now on the store may be needed. */
  get isKnown(): boolean {
    return this.#isKnown
  }

  /** The relay takes nothing of this handoff, now or later. */
  get isRefused(): boolean {
    return this.#isRefused
  }

  /** The store's lane was refused for good. */
  refuse(): void {
    this.#isRefused = true
  }

  /** Offers on every link to come, and hears who the heir is, until it is disposed. */
  listen(): Disposable {
    const { relay, handoff, heir } = this.#options
    const listening = relay.listen({
      enrolled: () => void this.tell(),
      notification: ({ event }) => {
        const isOurs = event.case === 'heirChanged' && Buffer.compare(event.value.handoff, handoff.handoff) === 0
        // An heir that has finished holds all it was given: nothing is lost with it.
        if (isOurs && !event.value.finished) heir.set(event.value.heir, relay.id)
      },
    })
    return {
      [Symbol.dispose]: () => {
        listening[Symbol.dispose]()
        this.#cancelAgain()
      },
    }
  }

  /** Offers the handoff now. Never throws. */
  async tell(): Promise<void> {
    const { relay, handoff, deadline, keepMs, wish, heir, signal, onChange, onNote } = this.#options
    this.#follow()
    const claimed = heir.claimFor(relay.id)
    const { bytes, worth, part } = wish()
    const offer = {
      handoff: handoff.handoff,
      header: handoff.header,
      deadlineMs: BigInt(Math.ceil(deadline.leftMs)),
      keepMs: BigInt(keepMs),
      ...(bytes !== undefined && { bytes: BigInt(Math.floor(bytes)) }),
      ...(worth !== undefined && { worth }),
      ...(part !== undefined && { part }),
      ...(claimed && { heir: claimed }),
      ...aheadFields(this.#options.ahead),
    }
    const { id } = relay
    try {
      const { result } = await relay.request({ case: 'offer', value: { $typeName: 'heirloom.wire.v1.Offer', ...offer } }, { signal })
      if (result.case === 'offered') heir.set(result.value.heir, id)
      this.#isKnown = true
    } catch (thrown) {
      const error = asHeirloomError(thrown)
      if (isPassingAtRelay(error)) this.#tellAgain()
      else {
        onNote(`relay: ${error.message}`)
        // The relay gave it to an heir while this peer counted as gone.
        if (error.code === 'fenced' && this.#options.ahead !== undefined) this.#options.ahead.isFenced = true
        this.refuse()
      }
    }
    onChange()
  }

  /** The relay may be another one than before. */
  #follow(): void {
    const { relay, ahead, onMoved } = this.#options
    if (relay.address === undefined) return
    const before = this.#relay
    this.#relay = relay.id
    if (ahead !== undefined) ahead.isElsewhere = ahead.relay !== undefined && ahead.relay !== relay.id
    if (ahead !== undefined) ahead.relay ??= relay.id
    if (before === undefined || before === relay.id) return
    this.#isKnown = false
    this.#isRefused = false
    onMoved()
  }

  /** On this link; the next one makes it needless. */
  #tellAgain(): void {
    const { relay, clock, signal } = this.#options
    this.#cancelAgain()
    this.#cancelAgain = clock.after(retryMaxMs, () => {
      if (relay.address !== undefined && !signal.aborted) void this.tell()
    })
  }

  /** Says that there will be no more than so many packs. Never throws; uses the end of the time, never more. */
  async close(packs: number): Promise<void> {
    const { relay, handoff, deadline, onNote } = this.#options
    using slice = deadline.before(laneGoodbyeMs).slice(closeMs).signal()
    try {
      await relay.request({ case: 'close', value: { $typeName: 'heirloom.wire.v1.Close', handoff: handoff.handoff, packs } }, slice)
    } catch (thrown) {
      onNote(`relay: the end of the handoff could not be told: ${asHeirloomError(thrown).message}`)
    }
  }
}

function aheadFields(ahead: Standing | undefined): { standing: boolean; since: number; ageMs: bigint } {
  if (ahead === undefined) return { standing: false, since: 0, ageMs: 0n }
  return { standing: !ahead.isNotice, since: ahead.isNotice ? ahead.first : ahead.since, ageMs: BigInt(Math.floor(ahead.ageMs)) }
}
