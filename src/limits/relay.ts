// The relay: its store, its memory, its guests. Each bound's name ends in the unit, its comment says why this number.
// Lengths that arrive from outside are compared with these before any memory is taken for them.

import { KiB, MiB } from './size.ts'
import { packBytesTarget } from './wire.ts'

/** What a peer says of itself: the length of a name, and how many parts of a divided state it takes. */
export const factsTextMax = 200
export const factsPartsMax = 64

/** Successors among whom the best one is looked for, those that have waited longest: ranking more would cost every handoff. */
export const rankedSuccessorsMax = 256

/** All windows that a relay tells of at one time (relay/window-budget.ts). What of it is let into its memory, relayRoomBytes bounds. */
export const relayWindowBytesTotal = 64 * MiB

/** What of it one put is told at first: of many that open together the first would be told of all, and be done before the last have begun. */
export const firstPutWindowBytes = 2 * MiB

/** How long the relay keeps what nobody claims, when the handoff doesn't say. */
export const keepMs = 6 * 60 * 60 * 1000

/** The longest a handoff may ask to be kept. */
export const keepMsMax = 7 * 24 * 60 * 60 * 1000

/** Peers enrolled at one relay at a time. */
export const enrolledPeersMax = 4096

/** Handoffs one pool may have at a relay at a time that aren't finished. */
export const handoffsPerPoolMax = 4096

/** Finished ones that are remembered of one pool: whoever asks again does so within seconds. */
export const finishedPerPoolMax = 1024

/** Where a segment of the relay's store ends and the next begins: what a restart reads in full of each handoff. */
export const segmentBytesMax = 64 * MiB

/** Segment files that the relay's store keeps open: the transfers of one direction, far under the usual 1024 descriptors a process. */
export const openSegmentsMax = 256

/** What one write of the relay's store gathers from the packs that wait: enough that small packs share their writes, and a fraction of a window, so that large ones are written, synced and on their way at once. */
export const writeGatherBytes = 2 * MiB

/** Pieces in one write: what the kernel takes in one writev. */
export const writePiecesMax = 1024

/** The one buffer with which a segment is scanned at a restart. */
export const scanBufferBytes = 256 * KiB

/** Segments that are scanned at a time at a restart: as many as the runtime has threads for file access. */
export const scansMax = 4

/** One handoff's record file: a header and a certificate in base64, and some numbers. */
export const recordFileBytesMax = 64 * KiB

/** How long the relay remembers a finished handoff, so that a repeated Finish gets the same answer. */
export const finishedKeepMs = 10 * 60 * 1000

/** Pools that one relay serves. */
export const poolsMax = 4096

/** Syncs of the relay's store at a time: one thread for file access fewer than the runtime has, so that reads and writes go on. */
export const syncsMax = 3

/** Records that the relay writes at a time: each takes a descriptor, and they share the sync of their folder. */
export const recordWritesMax = 32

/** Peers that gave one handoff back and aren't given it again. More than that have tried, and any may try again. */
export const declinedPeersMax = 256

/** Transfers of one direction that the relay has open at a time. More try again later. Those that are open take turns (relay/room.ts). */
export const relayTransfersMax = 256

/** Packs that are in the relay's memory at a time on their way into the store, and as many on their way out of it. */
export const relayRoomBytes = 8 * MiB

/** What is taken of that room for a pack before it is read: then it is known how large it is. */
export const readRoomBytes = packBytesTarget + 64 * KiB

/** Frames of up to so many bytes come as they are: nearly all but a hello with a large set. Longer ones share a room. */
export const smallFrameBytes = 4 * KiB
export const smallFramesRoomBytes = 2 * MiB

/** How long a transfer may take for what it holds of that room while others wait: 4 MiB at 400 KiB a second. */
export const roomPatienceMs = 10_000

/** What may come on a stream to a relay ahead of its reading: no less is possible, and it doesn't grow. */
export const relayStreamWindowBytes = 4 * MiB

/** Puts by streams at a time, whose windows of 4 MiB may fill while they wait for their turn. The others' packs wait in the kernel, on data sockets. */
export const relayStreamPutsMax = 24

/** Peers that are told of one waiting successor before they need it, and keep a link to it: a few MB at the successor. */
export const expectingPeersMax = 64

/** Readers of the relay's event stream at a time: operators and their pages, not peers. */
export const eventWatchersMax = 64

/** How far above its own an epoch may be that another relay is said to have given: one for each claim that was not heard of. */
export const foreignEpochsMax = 1024
