// Sources that are applications or directories. Each bound's name ends in the unit, its comment says why this number.
// Lengths that arrive from outside are compared with these before any memory is taken for them.

import { KiB, MiB } from './size.ts'

/** A line of an application's inventory. */
export const inventoryLineBytesMax = 16 * KiB

/** Chunks in one source's inventory. */
export const inventoryChunksMax = 16_000_000

/** One call to an application for one chunk. */
export const chunkCallTimeoutMs = 10_000

/** The agent's question for an application's inventory: a handful of numbers and a reason. */
export const appQueryBytesMax = 64 * KiB

/** The receipt that an application is told at the end: a line for every source and for every chunk that was left out, cut at its own bound. */
export const appReceiptBytesMax = 16 * MiB

/** What an embedding program gathers in memory of one restored chunk; larger ones it takes as a stream. */
export const appBodyBytesMax = 64 * MiB

/** Files in pieces that a directory's restore has open at a time. */
export const stagedFilesOpenMax = 64

/** Calls to one application that may be under way at a time. */
export const appCallsMax = 16

/** How long a successor's application may take to start before its state is given up. */
export const appConnectTimeoutMs = 30_000

/** Entries of a directory that a walk keeps for the next one, at about 200 bytes each. What is beyond is walked anew. */
export const walkKeptEntriesMax = 250_000

/** Entries of a directory that are told at a time: a few milliseconds of work. */
export const listEntriesMax = 4096

/** Files of a directory that are put in order before the first is told: a fraction of a second of walking. */
export const listStretchEntriesMax = 50_000

/** Entries of a directory that can't go and are named one by one, between two batches. */
export const skippedToldMax = 100

/** What of a large file is cut by its content in one call: some 50 ms, for which other calls wait. */
export const cutStretchBytes = 16 * MiB

/** Cuts by content that one directory remembers: at the target of packs half a TiB of large files. */
export const contentCutsMax = 1_000_000

/** Chunks that a directory's thread reads at a time: with a few KiB each about a pack. */
export const readBatchChunksMax = 512

/** Batches of one reading that are read or asked for at a time: one is used, one is ready, one is being read. */
export const readAheadBatches = 3

/** Files in pieces that a restore has unfinished at a time; a few hundred bytes of memory each. */
export const stagedFilesMax = 100_000

/** How long connecting to an application may take: it is on this machine. */
export const appDialTimeoutMs = 5_000

/** What of an application's error answers is read, so that their connection can be used again. */
export const appErrorBytesMax = 64 * KiB

/** A chunk's call may take longer by its bytes at this rate: an application that takes them more slowly counts as hanging. */
export const appBytesPerSecondMin = 4 * MiB

/** Short-lived objects of a file thread, in MiB: it makes few, and the runtime's own bound would let it keep 50 MiB of garbage. */
export const threadYoungHeapMiB = 8

/** A token for an application's port: any scheme's fits. */
export const appTokenBytesMax = 4 * KiB

/** The end of what a program says on stderr: enough for its last complaint, and short enough for a receipt. */
export const programStderrCharsMax = 1_000

/** How long the end of what a killed program has said is waited for: it is in the pipe already. */
export const programPipeMs = 200

/** Hints that a source gives of one file or relation: ranges of it that are in memory. Neighbours are joined beyond it, so that it fits into one part. */
export const hintRangesMax = 20_000

/** A chunk of such hints as it is restored. */
export const hintBytesMax = 16 * MiB

/** All hints that one source gives, held until they have been sent. */
export const hintsBytesMax = 64 * MiB

/** A line on one file's ranges: hintRangesMax of them, each of two numbers of up to 16 digits. */
export const residencyLineBytesMax = MiB

/** Files that a page cache's restore reads at a time: enough for a disk to be busy, few enough to leave it to others. */
export const pageReadersMax = 2

/** What is read at a time to bring it into memory. */
export const pageReadBytes = MiB

/** How long psql tries to connect, in seconds: the server is on this machine or next to it. */
export const psqlConnectTimeoutS = 5

/** One question to PostgreSQL: its answers are counts and lists of what is in memory. */
export const psqlTimeoutMs = 15_000

/** Bringing one database's blocks into the buffers: as long as a disk takes for some hundred GB. */
export const prewarmTimeoutMs = 15 * 60_000

/** Files with several names that a walk tells apart; beyond it each name goes as a file of its own. */
export const namedFilesMax = 1_000_000

/** Holes of a sparse file are whole blocks of this many zeros: what most file systems divide their space into. */
export const holeBytes = 4 * KiB

/** How long a restore that ends early goes on with the hints that it has taken. */
export const hintDrainMs = 5_000

/** The extended attributes of one file, in their written form: what the usual file systems can hold, and a pack's head beside others. */
export const extendedBytesMax = 64 * KiB

/** Extents of PostgreSQL's buffers that are listed: blocks one by one up to 4 GB of them, some 80 MB of memory for a moment. */
export const bufferExtentsMax = 500_000

/** Ids that a dumping program is told at a time: it answers in their order, so more ahead would only take memory. */
export const commandAskedMax = 512
