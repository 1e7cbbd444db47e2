// What a restorer is given, and whom it tells.

import type { Clock } from '../../src/clock.ts'
import type { HeirloomError } from '../../src/errors.ts'
import type { DecodedPack, SourceSummary } from '../../src/chunk/pack.ts'
import type { Reference } from '../../src/chunk/reference.ts'
import type { PackOpener } from '../../src/seal/pack-seal.ts'
import type { Sink } from '../source/source.ts'
import type { Journal } from './journal.ts'
import type { RestoredPack } from './waiting-pack.ts'

export interface RestorerOptions {
  /** Packs below it wait for a verdict; 0: none do. */
  readonly since?: number
  readonly clock: Clock
  readonly opener: PackOpener
  readonly journal: Journal
  /** The sink for a source, or undefined when this machine has none for it. */
  readonly sinkOf: (summary: SourceSummary) => Sink | undefined
  readonly signal: AbortSignal
  /** Called once, before anything is restored. Throwing ends the inheritance. */
  readonly onFirst: () => void
  /** What of a pack one sink has put in place, or never will; no journal knows of it yet. */
  readonly onPlaced?: (settled: RestoredPack['settled'][number]) => void
  readonly onRestored: (pack: RestoredPack) => void
  /** A pack has come, and says what its head says; it isn't restored yet. */
  readonly onArrived?: (pack: DecodedPack) => void
  /** Whether somebody waits for a chunk of this pack. */
  readonly isDemanded?: (pack: DecodedPack) => boolean
  /** A pack that is restored names chunks to be fetched elsewhere. */
  readonly onReferences: (references: readonly Reference[]) => void
  /** A restore has ended and what could start has started: the time to look whether it is over. */
  readonly onAdvanced: () => void
  /** A sink or the disk is gone: the inheritance can't go on. */
  readonly onFailed: (error: HeirloomError) => void
}
