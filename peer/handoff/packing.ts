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

  /** Asks for another pack if one will be wanted soon. */
  pull(): void {
    const { pipeline, feeds, dispatcher, chronicle, onChange } = this.#options
    const aheadPacks = pipeline.isUrgent ? dispatcher.urgentPacks : dispatcher.queuedPacks
    if (this.#isPulling || aheadPacks >= sealedAheadPacks || this.limitIsReached) return
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

  #take({ pack, isUrgent }: MadePack): void {
    const { dispatcher, chronicle } = this.#options
    chronicle.sealedBytes += pack.bytes
    if (isUrgent) dispatcher.addUrgent(pack)
    else dispatcher.add(pack)
  }
}
