// Asks the pipeline for packs, a little ahead of the lanes and within what the policy lets go.

import { sealedAheadPacks } from '../../src/limits/handoff.ts'
import type { Dispatcher } from '../../src/transfer/dispatcher.ts'
import type { Allowance } from './allowance.ts'
import type { Chronicle } from './chronicle.ts'
import type { Feed } from './feed.ts'
import type { MadePack, Pipeline } from './pipeline.ts'

export interface PackingOptions {
  readonly pipeline: Pipeline
  readonly feeds: readonly Feed[]
  readonly dispatcher: Dispatcher
  readonly chronicle: Pick<Chronicle, 'sealedBytes' | 'failed'>
  readonly allowance: Pick<Allowance, 'isUsedUp'>
  /** Another pack is there to be sent, or none could be made. */
  readonly onChange: () => void
}

export class Packing {
  readonly #options: PackingOptions
  #isPulling = false

  constructor(options: PackingOptions) {
    this.#options = options
  }

  /** Another pack could be more than the policy allows. */
  get limitIsReached(): boolean {
    return this.#options.allowance.isUsedUp
  }

  /** What this feed has read is taken without another word: whoever looks after all else need not look for each pack's worth. */
  takes(feed: Feed): boolean {
    return this.#isServed && !feed.dry
  }

  /** Asks for another pack if one will be wanted soon. */
  pull(): void {
    const { pipeline, feeds, chronicle, onChange } = this.#options
    if (this.#isServed || this.limitIsReached) return
    if (feeds.every((feed) => feed.isDone) && !pipeline.isUrgent) return
    this.#isPulling = true
    void pipeline
      .next((made) => this.#take(made))
      .then(
        () => {
          this.#isPulling = false
          onChange()
        },
        (thrown: unknown) => {
          this.#isPulling = false
          chronicle.failed(thrown)
          onChange()
        },
      )
  }

  /** A pack is being made, or enough of them wait. */
  get #isServed(): boolean {
    return this.#isPulling || this.#aheadPacks >= sealedAheadPacks
  }

  get #aheadPacks(): number {
    const { pipeline, dispatcher } = this.#options
    return pipeline.isUrgent ? dispatcher.urgentPacks : dispatcher.queuedPacks
  }

  #take({ pack, isUrgent }: MadePack): void {
    const { dispatcher, chronicle } = this.#options
    chronicle.sealedBytes += pack.bytes
    if (isUrgent) dispatcher.addUrgent(pack)
    else dispatcher.add(pack)
  }
}
