// Notices and the clouds that give them. Each bound's name ends in the unit, its comment says why this number.
// Lengths that arrive from outside are compared with these before any memory is taken for them.

import { KiB } from './size.ts'

/** A notice file: an object with three fields. */
export const noticeFileBytesMax = 4 * KiB

/** How long a notice file may take from being made to being written. */
export const noticeFileSettleMs = 100

/** How often a notice file is looked for where the file system doesn't tell. */
export const noticeFilePollMs = 1_000

/** An answer of a cloud's metadata service: Azure lists the events of a whole scale set in one. */
export const metadataAnswerBytesMax = 256 * KiB

/** One question to a metadata service: it is on the host, and answers in milliseconds or not at all. */
export const metadataTimeoutMs = 2_000

/** One question for Azure's scheduled events: slower than other metadata, and the first may take minutes, which asking again doesn't hurt. */
export const scheduledEventsTimeoutMs = 5_000

/** How long a metadata service may hold a question open that waits for a change. Lost connections are noticed no later. */
export const metadataHoldMs = 60_000

/** Connections to one metadata service: one for each question that may be held open, and some for what is asked meanwhile. */
export const metadataConnectionsMax = 8

/** The first pause before a metadata service that failed is asked again; it doubles. */
export const metadataRetryMs = 250

/** The longest such pause: a sixth of the shortest notice that a cloud gives. */
export const metadataRetryMsMax = 5_000

/** How long a token for a metadata service is asked for: the longest that EC2 and Alibaba grant. */
export const metadataTokenMs = 6 * 60 * 60 * 1000

/** Flags that one question to a metadata service may raise at a time; a VM has a handful. */
export const noticeFlagsMax = 256

/** Notices that wait to be looked at: far more than all sources of one VM can raise at once. */
export const noticesWaitingMax = 1024

/** Dates of metadata services have whole seconds: what moved by less than this has not moved. */
export const noticeMovedMs = 2_000

/** What was announced days or hours ahead counts as a mere hint until this long before its time: what a spot VM is given. */
export const noticeLeadMs = 120_000

/** What is left when the announced time has passed, or begins at once, and the VM still runs. Nobody knows; trying costs nothing. */
export const noticeLateMs = 5_000

/** The local clock is trusted unless the metadata service's differs by more than this; its answers tell whole seconds. */
export const metadataSkewMs = 2_000

/** How long telling the cloud that the handoff is done may take before the peer ends without it. */
export const acknowledgeTimeoutMs = 2_000

/** How long one cloud may take to show that this is it, when nothing says so beforehand. */
export const cloudProbeTimeoutMs = 1_000

/** The longest pause between two searches for the cloud: the network of a VM that boots comes up within it. */
export const cloudSearchMsMax = 60_000

/** What the firmware says of the machine, one word a file. */
export const dmiFileBytesMax = 4 * KiB

/** How long the init system may take to say whether the machine stops. Without an answer it counts as stopping. */
export const stopQuestionMs = 500
