// The agent and its commands: configuration, local API, doctor. Each bound's name ends in the unit, its comment says why this number.
// Lengths that arrive from outside are compared with these before any memory is taken for them.

import { KiB, MiB } from './size.ts'

/** A configuration file: thousands of times what one needs, little enough to parse at once. */
export const configFileBytesMax = 1 * MiB

/** Events of a peer or relay that are kept for somebody who connects later. */
export const eventsKeptMax = 256

/** The local agent's answer to a command: a status with a line for every source, or a receipt. */
export const agentAnswerBytesMax = 16 * MiB

/** How long `doctor` waits for one answer: an operator is watching. */
export const doctorTimeoutMs = 5_000

/** Clocks that differ by more than this are worth a word; certificates bear clockSkewMs. */
export const clockSkewWarnMs = 5_000

/** A request to the local API: two fields. */
export const apiBodyBytesMax = 16 * KiB

/** How long systemd's own program may take to pass on that the peer is ready: it writes one datagram. */
export const notifyTimeoutMs = 5_000

/** Misses that one request may ask for: a second of a busy application. */
export const missesAskedMax = 1_000_000
