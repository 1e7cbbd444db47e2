// Links between peers and relays: requests, leases, retries. Each bound's name ends in the unit, its comment says why this number.
// Lengths that arrive from outside are compared with these before any memory is taken for them.

import { KiB } from './size.ts'

/** Requests that one control link may have open at a time. */
export const requestsOpenMax = 64

/** How long a request on the control link may take before the link counts as lost. */
export const requestTimeoutMs = 10_000

/** How long opening one link may take: three SYN retransmissions on a lossy path. */
export const dialTimeoutMs = 8_000

/** A peer that was silent for this long at the relay has lost its lease. */
export const leaseMs = 10_000

/** First and largest pause between attempts to open a link again; the pause doubles, with jitter. */
export const retryFirstMs = 50
export const retryMaxMs = 1_000

/** The longest pause after an inheritance that failed here, before the next is asked for: a full disk stays full for a while. */
export const failedAgainMaxMs = 10_000

/** What may wait for a peer that doesn't read its control link, at the relay: several times what a burst of answers takes. */
export const controlQueueBytesMax = 256 * KiB

/** Control links of one peer: the one it uses, and some that it doesn't know yet to be lost. */
export const controlLinksPerPeerMax = 4

/** Peers that may be reached through one relay at a time: as many as may be enrolled. */
export const reservationsMax = 4096

/** How long a place at a relay lasts; it is renewed before. */
export const reservationMs = 2 * 60 * 60 * 1000

/** Circuits through one relay at a time, each with at most circuitWindowBytes in its memory. */
export const circuitsMax = 64

/** How long after an enrolment a peer asks for its place at the relay: before a circuit could be wanted, and after what the first moments are needed for. */
export const circuitPlaceAfterMs = 200

/** A direct lane gets so long before a circuit is opened: what goes through the relay takes its bandwidth twice. */
export const circuitAfterMs = 400

/** An heir that nobody has reached directly for so long dials its predecessor instead. */
export const reverseDialAfterMs = 200

/** How long the relays that come first in the pool's order are waited for when a later one is there already. */
export const relayHeadStartMs = 500

/** A relay that is lost gets so long to come back before the next one is used: what it has would have to be sent again. */
export const relayMoveAfterMs = 1_000

/** How often an heir looks at all relays whether its claim still holds: what one of them gave to somebody else, another can't tell. */
export const reclaimEveryMs = 2_000
