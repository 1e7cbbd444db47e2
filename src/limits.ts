// Every bound of Heirloom in one place: the name ends in the unit, the comment says why this number.
// Lengths that arrive from outside are compared with these before any memory is taken for them.

const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB

/** What one pack aims for: large enough that sealing runs at hardware speed, small enough to lose little to a cut. */
export const packBytesTarget = 1 * MiB

/** The largest sealed pack anyone accepts. A reader refuses a longer frame before it allocates. */
export const packBytesMax = 4 * MiB

/** Packs in one handoff: at the target size this is 1 TiB, and a bitmap of it is 128 KiB. */
export const packsMax = 1 << 20

/** Any frame that isn't a pack: the largest is a pack set of 32,768 ranges. */
export const controlFrameBytesMax = 256 * KiB

/** Ranges in a pack set on the wire; a set with more is cut at its low end, which costs a resend, never a loss. */
export const packRangesMax = 16_384

/** The signed header of a handoff, as the relay stores it: a wrapped key, a certificate and two signatures. */
export const handoffHeaderBytesMax = 8 * KiB

/** A certificate with its signature. */
export const certificateBytesMax = 2 * KiB

/** A key, public key or certificate file. */
export const keyFileBytesMax = 16 * KiB

/** Sealed bytes that a peer lets another have in flight to it, unacknowledged. It is the peer's largest buffer. */
export const windowBytes = 8 * MiB

/** All windows a relay has granted at one time. Its memory for packs is bounded by this, whatever arrives. */
export const relayWindowBytesTotal = 64 * MiB

/** One chunk, whole. A larger one is left out with a reason: the application should divide it. */
export const chunkBytesMax = 64 * GiB

/** A chunk's id: a path or a key, in UTF-8 bytes. */
export const chunkIdBytesMax = 4096

/** A line of an application's inventory. */
export const inventoryLineBytesMax = 16 * KiB

/** Chunks in one source's inventory. */
export const inventoryChunksMax = 16_000_000

/** Sources in one manifest. */
export const sourcesMax = 256

/** Chunks in one pack: the head of a pack of empty files stays under the pack's own bound. */
export const packFragmentsMax = 8192

/** Addresses that a peer announces; more are ignored. */
export const addressesMax = 16

/** A multiaddr in bytes. */
export const addressBytesMax = 256

/** Requests that one control link may have open at a time. */
export const requestsOpenMax = 64

/** How long a request on the control link may take before the link counts as lost. */
export const requestTimeoutMs = 10_000

/** How long opening one link may take: three SYN retransmissions on a lossy path. */
export const dialTimeoutMs = 8_000

/** How long a lane waits for its welcome. */
export const helloTimeoutMs = 5_000

/** Streams of predecessors that a peer keeps until the relay has said whose heir it is; each holds a hello and no pack. */
export const earlyStreamsMax = 16

/** Without an acknowledgement for this long while packs are in flight, a lane counts as stalled and gives them back. */
export const laneStallMs = 4_000

/** How long a lane that is over waits for the other side to end the stream, too: a round trip, and what is queued. */
export const laneGoodbyeMs = 250

/** A peer that was silent for this long at the relay has lost its lease. */
export const leaseMs = 10_000

/** First and largest pause between attempts to open a link again; the pause doubles, with jitter. */
export const retryFirstMs = 50
export const retryMaxMs = 1_000

/** How long a waiting successor gets to be reached directly before packs go to the store as well. */
export const directGraceMs = 1_500

/** How long an heir waits for the stream of a predecessor that is there before it asks the relay's store as well. */
export const directHeadStartMs = 150

/** How long a peer's rehearsal of a handoff takes: it ends by its deadline, since nobody is there to take anything. */
export const rehearsalMs = 300

/** Certificates are accepted this long before and after their time, for clocks that differ. */
export const clockSkewMs = 60_000

/** How long the relay keeps what nobody claims, when the handoff doesn't say. */
export const keepMs = 6 * 60 * 60 * 1000

/** The longest a handoff may ask to be kept. */
export const keepMsMax = 7 * 24 * 60 * 60 * 1000

/** Time at the end of a notice that is left for the receipt and for saying goodbye. */
export const reserveMs = 3_000

/** An application's share of the notice for its inventory; after it the application's state is left out. */
export const inventoryTimeoutMs = 10_000

/** Over this long the rate is measured before it is believed: shorter ones mostly see the first windows fill. */
export const rateWindowMs = 1_000

/** Applications are asked again when the rate differs by more than this share from what they were told. */
export const rateChangeShare = 0.25

/** How often one handoff asks an application again: each answer costs it time. */
export const requeriesMax = 8

/** One call to an application for one chunk. */
export const chunkCallTimeoutMs = 10_000

/** Peers enrolled at one relay at a time. */
export const enrolledPeersMax = 4096

/** Handoffs one pool may have at a relay at a time. */
export const handoffsPerPoolMax = 4096

/** The agent's question for an application's inventory: a handful of numbers and a reason. */
export const appQueryBytesMax = 64 * KiB

/** The receipt that an application is told at the end: a line for every source and for every chunk that was left out, cut at its own bound. */
export const appReceiptBytesMax = 16 * MiB

/** What an embedding program gathers in memory of one restored chunk; larger ones it takes as a stream. */
export const appBodyBytesMax = 64 * MiB

/** Points of a receipt's curve: as many as a terminal has columns. */
export const curvePointsMax = 60

/** Chunks that a receipt names with their origin, for each source: with ids and addresses of a hundred bytes a quarter of a MiB. */
export const receiptReferencesMax = 1000

/** How often a policy's circumstances are looked at, such as the load: they change without a word. */
export const policyTickMs = 5_000

/** States of a policy, over all levels: an operator has to understand it. */
export const policyStatesMax = 200

/** A configuration file: thousands of times what one needs, little enough to parse at once. */
export const configFileBytesMax = 1 * MiB

/** What one source is read ahead of the lanes: two batches of the directory's reader. */
export const feedAheadBytes = 2 * MiB

/** Sealed packs that wait for a lane. More would only be older when they leave. */
export const sealedAheadPacks = 3

/** Packs that a successor restores at a time. */
export const restoresMax = 4

/** Opened packs that wait for their barrier in memory; beyond it they wait sealed on disk, so that credit flows on. */
export const heldBytesMax = 8 * MiB

/** An heir that reaches neither the predecessor nor the relay for this long ends with what it has. */
export const orphanMs = 30_000

/** Events of a peer or relay that are kept for somebody who connects later. */
export const eventsKeptMax = 256

/** Where a segment of the relay's store ends and the next begins: what a restart reads in full of each handoff. */
export const segmentBytesMax = 64 * MiB

/** Segment files that the relay's store keeps open: one for each transfer of both directions, far under the usual 1024 descriptors a process. */
export const openSegmentsMax = 128

/** What one write of the relay's store gathers from the packs that wait: enough that small packs share their writes. */
export const writeGatherBytes = 4 * MiB

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

/** The local agent's answer to a command: a status with a line for every source, or a receipt. */
export const agentAnswerBytesMax = 16 * MiB

/** Pools that one relay serves. */
export const poolsMax = 4096

/** Files in pieces that a directory's restore has open at a time. */
export const stagedFilesOpenMax = 64

/** How long `doctor` waits for one answer: an operator is watching. */
export const doctorTimeoutMs = 5_000

/** Clocks that differ by more than this are worth a word; certificates bear clockSkewMs. */
export const clockSkewWarnMs = 5_000

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

/** Calls to one application that may be under way at a time. */
export const appCallsMax = 16

/** How long a successor's application may take to start before its state is given up. */
export const appConnectTimeoutMs = 30_000

/** Syncs of the relay's store at a time: one thread for file access fewer than the runtime has, so that reads and writes go on. */
export const syncsMax = 3

/** Records that the relay writes at a time: each takes a descriptor, and they share the sync of their folder. */
export const recordWritesMax = 32

/** A request to the local API: two fields. */
export const apiBodyBytesMax = 16 * KiB

/** Peers that gave one handoff back and aren't given it again. More than that have tried, and any may try again. */
export const declinedPeersMax = 256

/** Transfers of one direction that the relay has open at a time. More try again later, each with the whole of its share then. */
export const relayTransfersMax = 64

/** What may wait for a peer that doesn't read its control link, at the relay: several times what a burst of answers takes. */
export const controlQueueBytesMax = 256 * KiB

/** Control links of one peer: the one it uses, and some that it doesn't know yet to be lost. */
export const controlLinksPerPeerMax = 4

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

/** At a group's border a pack ends when it has at least this much: smaller packs would cost more than their order is worth. */
export const groupPackBytesMin = 64 * KiB

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

/** Readers of the relay's event stream at a time: operators and their pages, not peers. */
export const eventWatchersMax = 64

/** Data sockets that have not shown their token yet; with another one the oldest is closed, since a peer shows its token at once. */
export const dataSocketsPendingMax = 64

/** How long a data socket may take to show its token. */
export const dataPreambleTimeoutMs = 5_000

/** How long a transfer waits for its data socket, from the welcome on: a SYN and its first retransmission. */
export const dataSocketTimeoutMs = 2_000

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

/** Buffers for packs that arrive which are kept for the next ones; what a quick receiver has in use at a time. */
export const dataBuffersKept = 8

/** Frames of the stream that wait for packs of the data socket: there is seldom more than one. */
export const positionedFramesMax = 64

/** Settled packs wait this long for others that share their acknowledgement. */
export const acknowledgeGatherMs = 5

/** Short-lived objects of a file thread, in MiB: it makes few, and the runtime's own bound would let it keep 50 MiB of garbage. */
export const threadYoungHeapMiB = 8

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
