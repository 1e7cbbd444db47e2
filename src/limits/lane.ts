// Lanes: credit, stalls, data sockets. Each bound's name ends in the unit, its comment says why this number.
// Lengths that arrive from outside are compared with these before any memory is taken for them.

import { KiB, MiB } from './size.ts'

/** Sealed bytes that a peer lets another have in flight to it, unacknowledged. It is the peer's largest buffer. */
export const windowBytes = 8 * MiB

/** The same for a data socket: what is in flight there is mostly in the systems' own buffers, and acknowledgements, each a frame on the encrypted stream, come by the share of it. */
export const dataWindowBytes = 16 * MiB

/** The same for a circuit: what is in flight may wait in the relay's memory. */
export const circuitWindowBytes = 1 * MiB

/** The same until an heir has restored something: what goes before all else is small, and of larger packs one may go in any case. */
export const firstWindowBytes = 64 * KiB

/** … or for so long, when the first pack is slow. */
export const firstPackMs = 50

/** How long a lane waits for its welcome. */
export const helloTimeoutMs = 5_000

/** Streams of predecessors that a peer keeps until the relay has said whose heir it is; each holds a hello and no pack. */
export const earlyStreamsMax = 16

/** Without an acknowledgement for this long while packs are in flight, a lane counts as stalled and gives them back. */
export const laneStallMs = 4_000

/** The same for the lane to the store while there is no other: its packs may wait in a long line, and nobody else could take them. */
export const onlyLaneStallMs = 20_000

/** How long a lane that is over waits for the other side to end the stream, too: a round trip, and what is queued. */
export const laneGoodbyeMs = 250

/** How long a waiting successor gets to be reached directly before packs go to the store as well. */
export const directGraceMs = 1_500

/** The first pack to an heir has the machines for itself for so long, or until it is acknowledged: only then lanes are opened that later packs need. */
export const laterLanesMs = 50

/** How long an heir waits for the stream of a predecessor that is there before it asks the relay's store as well. */
export const directHeadStartMs = 150

/** Data sockets that have not shown their token yet; with another one the oldest is closed, since a peer shows its token at once. */
export const dataSocketsPendingMax = 512

/** How long a data socket may take to show its token. */
export const dataPreambleTimeoutMs = 5_000

/** How long a transfer waits for its data socket, from the welcome on: two retransmissions of a SYN, or a relay to which hundreds come at once. */
export const dataSocketTimeoutMs = 5_000

/** When both sides can dial, the sender gives the receiver so long, who can read into its own buffers when it has dialled. */
export const dataDialHeadStartMs = 300

/** How long a relay's data port may take to answer the probe after an enrolment. */
export const dataProbeTimeoutMs = 1_000

/** Data sockets of one handoff that may fail before its fast lane is given up. */
export const dataSocketAttemptsMax = 3

/** What of packs may wait in a data socket's own queue: one being written and one to follow it, so that an urgent one waits for few. */
export const dataQueueBytes = 2 * MiB

/** A pack that the other side of a data socket doesn't take for this long ends the transfer: the slowest link that is of use moves 4 MiB in it. */
export const dataWriteTimeoutMs = 30_000

/** Frames of the stream that wait for packs of the data socket: there is seldom more than one. */
export const positionedFramesMax = 64

/** Settled packs wait this long for others that share their acknowledgement, and as long again while others come, so many times in all. */
export const acknowledgeGatherMs = 5
export const acknowledgeGatherTimesMax = 5

/** … or until they are this share of the window: the sender goes on with the rest of it meanwhile. */
export const acknowledgeGatherShare = 3 / 4

/** The same for a relay's store, where a pack is settled only when its disk has it: the sender has the other half of the window until then. */
export const storeGatherShare = 1 / 2
