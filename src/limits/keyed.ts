// Sources that are key-value servers: Redis, Valkey, memcached. Each bound's name ends in the unit, its comment says why this number.
// Lengths that arrive from outside are compared with these before any memory is taken for them.

import { KiB, MiB } from './size.ts'

/** What one key with its value may have unless the configuration says more: it is held whole in memory, and the server serves nobody else meanwhile. */
export const keyedValueBytes = 64 * MiB

/** The largest that the configuration may allow: what Redis takes as one string. */
export const keyedValueBytesMax = 512 * MiB

/** A key's name: longer ones are data that was put in the wrong place, and a fragment's head has to carry it. */
export const keyNameBytesMax = 64 * KiB

/** Keys that are known of one database, at some 60 bytes each. */
export const keysKnownMax = 16_000_000

/** With no more keys than this every key is a chunk of its own, which can be named in a receipt; beyond it a chunk for each would cost more than the key. */
export const keysAloneMax = 4096

/** What keys of like hotness are grouped into: a fraction of a pack, so that the order is nearly that of single keys. */
export const keyGroupBytes = 64 * KiB

/** Keys that are larger than this are never grouped. */
export const keyGroupedBytesMax = 16 * KiB

/** Keys in one group: what a server does at a time for us, and nobody else meanwhile; a fraction of a millisecond. */
export const keyGroupKeysMax = 256

/** Groups that are asked for at a time: enough that the server never waits for us, little enough that others wait little. */
export const groupsAskedMax = 16

/** What of them is handed on together: half of a pack, so that the other half is being read meanwhile. */
export const readBatchBytes = 512 * KiB

/** Keys that a scan asks for at a time: a fraction of a millisecond of the server's time. */
export const scanKeys = 512

/** The same at the notice, when most keys are known and are only listed. */
export const scanKeysAtNotice = 2048

/** Before a notice this share of the time goes into getting to know the keys; the rest of it neither we nor the server do anything for it. */
export const censusShare = 0.1

/** How long a census that has come round waits before the next one: hotness changes in minutes. */
export const censusPauseMs = 60_000

/** The share of the deadline for which what is known already goes before the keys are listed once more. */
export const knownFirstShare = 0.25

/** How often it is looked whether what was told is still being read, and how often whoever asked hears that there will be more. */
export const signOfLifeMs = 1_000

/** Keys that are put in order before the first of them is told, where none was known before the notice. */
export const keysStretchMax = 100_000

/** How long connecting to a server may take: it is on this machine, or beside it. */
export const serverDialTimeoutMs = 5_000

/** How long a server that owes an answer may say nothing. */
export const serverSilenceMs = 10_000

/** How long a server that went away, or is still loading its data, is waited for while it is read. */
export const serverPatienceMs = 5_000

/** As above on a successor, where the server may start after us. */
export const serverStartMs = 30_000

/** How often a server that isn't there is tried. */
export const serverRetryMs = 200

/** A server's password, in its file. */
export const passwordFileBytesMax = 4 * KiB

/** What of a server's answers is read at a time. */
export const answerReadBytes = 256 * KiB

/** Tokens in one batch of answers: far more than a group or a page of keys has. */
export const answerTokensMax = 1_000_000
