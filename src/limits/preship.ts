// Sending ahead of any notice. Each bound's name ends in the unit, its comment says why this number.

import { MiB } from './size.ts'

/** Packs of which one verdict keeps a part: with their fragments it stays under the bound on packs. */
export const partialPacksMax = 65_536

/** A verdict's own bound; what doesn't fit goes again. */
export const verdictRunsMax = 262_144

/** How fast state goes ahead, unless the policy says: a tenth of a link of 1 Gbit/s. */
export const preshipBytesPerSecond = 10 * MiB

/** Chunks that are remembered as sent ahead: some 250 bytes each. Of more than that the rest goes at the notice. */
export const preshippedChunksMax = 1_000_000

/** A file that was written so shortly before it was listed may be written again without its time showing it. */
export const racyWriteMs = 2_000

/** How old the state of a predecessor that went without a word may be, unless the policy says. */
export const maxAgeMs = 60 * 60 * 1000

/** How long one round of sending ahead may take: then it goes on in the next. */
export const preshipRoundMs = 24 * 60 * 60 * 1000

/** Packs after the notice that an heir asks for before all that went ahead: of more the verdict is among the first. */
export const sinceAskedPacks = 4096
