// Plan, policy, receipt, forecast and traces. Each bound's name ends in the unit, its comment says why this number.
// Lengths that arrive from outside are compared with these before any memory is taken for them.

import { KiB } from './size.ts'

/** Points of a receipt's curve: as many as a terminal has columns. */
export const curvePointsMax = 60

/** Chunks that a receipt names with their origin, for each source: with ids and addresses of a hundred bytes a quarter of a MiB. */
export const receiptReferencesMax = 1000

/** Chunks of one source that go by reference, at some 300 bytes of memory each; what is beyond goes as bytes. */
export const referencesMax = 200_000

/** How often a policy's circumstances are looked at, such as the load: they change without a word. */
export const policyTickMs = 5_000

/** States of a policy, over all levels: an operator has to understand it. */
export const policyStatesMax = 200

/** References of one trace in a simulation, at 4 bytes each in memory. */
export const traceReferencesMax = 1 << 30

/** Pages that one line of a trace may read: at 4 KiB each 4 GiB, more than any one request. */
export const traceRunMax = 1 << 20

/** What of a trace file is read and decompressed at a time. */
export const traceReadBytes = 256 * KiB

/** A recorder's history: entries, at 6 bytes each, some 16 for each of the most items; and epochs before pairs are merged, which leaves half as many. */
export const historyEntriesMax = 16_000_000
export const historyEpochsMax = 4096

/** Items that a recorder of accesses knows at a time, with those that were evicted, and entries of its history for each: some leave room for others. */
export const recorderItemsMax = 4_000_000
export const recorderEntriesPerItem = 16

/** Compressing must move the state faster by this factor: it takes processor time that the machine may need for something better. */
export const compressionGainMin = 1.1

/** Of packs that go as they are, a part of one in so many is compressed beside it, to see whether the state has become another. */
export const compressionTrialPacks = 16

/** … and no sooner than after so long: what compresses takes memory that only garbage collection gives back, which at a gigabyte a second takes longer than the sealing. */
export const compressionTrialMs = 200

/** How much of a pack is compressed to see what that would bring: a fraction of a millisecond. */
export const compressionSampleBytes = 128 * KiB

/** Over this long the link's rate is measured, at least: most round trips are shorter, and few of the packs of a short notice go meanwhile. */
export const linkRateSampleMs = 50

/** After so many compressed packs for none of which the link was too slow, its rate is looked at again. */
export const linkTrialAfterPacks = 64

/** Packs that go as they are to see the link's rate, at most: a window of them, and what a fast link moves while it is measured. */
export const linkTrialPacksMax = 128

/** Parts that a handoff is divided into, each with an heir, lanes and buffers of its own. */
export const splitPartsMax = 16

/** Ranges of keys or slots that say which part is whose: as many as a cluster's slots are ever cut into. */
export const splitRangesMax = 4096

/** Batches of a shared inventory that wait for one of those who share it: a few milliseconds of listing. */
export const sharedBatchesMax = 4
