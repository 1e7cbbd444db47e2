// Serving while warming: what an heir may ask for ahead of its turn. Each bound's name ends in the unit, its comment says why this number.

import { MiB } from './size.ts'

/** Chunks that one demand names: with ids of 40 bytes it stays under the bound on frames. */
export const demandedChunksMax = 4096

/** Ids that one demand names, in bytes: under the bound on frames with all that goes around them. */
export const demandedIdBytesMax = 128 * 1024

/** Chunks that applications wait for at a time. More would not come before the packs that have them in any case. */
export const demandsOpenMax = 65_536

/** How long an application waits for a chunk that it demanded, unless it says. Longer than an origin takes, a warm start isn't worth. */
export const demandWithinMs = 2_000

/** The longest that an application may ask to wait. */
export const demandWithinMsMax = 60_000

/** A request to the local API that names chunks. */
export const demandBodyBytesMax = 1 * MiB

/** Read for demands and not acknowledged: what is demanded goes by, and mustn't itself become a queue. */
export const urgentBytesMax = 4 * MiB

/** Every so many packs one has a directory of those before it; an heir needs no more of them than this to find a chunk. */
export const directoryEveryPacks = 64

/** Directories that an heir asks for, before it knows how many packs there are: of 64 GiB. */
export const directoriesAskedMax = 1024

/** The chunks of one directory take at most this; of what goes beyond nothing is found before its turn. */
export const directoryBytesMax = 1 * MiB

/** While chunks are being demanded, sealed bytes in flight to the heir beside them: a queue that a demand waits behind. */
export const demandWindowBytes = 2 * MiB

/** How long after a demand the window stays small. */
export const demandCalmMs = 1_000

/** Ids that one event of restored chunks names. */
export const eventIdsMax = 64
