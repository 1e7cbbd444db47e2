// A predecessor's packs on their way into the store: each is checked, admitted, written and, once it is fsynced, acknowledged.
// Invariant: whatever ends the stream, what was being written before is still written and acknowledged.

import { asHeirloomError, HeirloomError } from '../src/errors.ts'
import { ReceivingLane, type ArrivedPack } from '../src/lane/receiving-lane.ts'
import { dataWindowBytes, storeGatherShare, windowBytes } from '../src/limits/lane.ts'
import { welcomeFrame } from '../src/transfer/messages.ts'
import type { Channel } from '../src/wire/channel.ts'
import { frameType } from '../src/wire/frame.ts'
import type { Carried, Way } from './carry.ts'
import type { RelayCore } from './relay-core.ts'
import { isLost } from './standing.ts'
import type { RoomSeat } from './room.ts'
import type { HandoffKey } from './store/store.ts'

export class PutSession {
  readonly key: HandoffKey
  /** How its packs come. */
  readonly way: Way
  readonly #core: RelayCore
  readonly #channel: Channel
  readonly #lane: ReceivingLane
  readonly #held: readonly Disposable[]
  readonly #room: RoomSeat
  #failure: HeirloomError | undefined
  #isFailing = false
  #isOver = false
  #writing = 0
  #packs = 0

  /** Takes over a channel whose hello was read and whose peer is the handoff's predecessor. Throws `busy`. */
  constructor(core: RelayCore, { channel, data }: Carried, key: HandoffKey) {
    const { transfers } = core
    this.way = data === undefined ? 'stream' : 'socket'
    if (this.way === 'stream') transfers.admitStreamPut(key)
    transfers.replacePut(key)
    const mostBytes = data === undefined ? windowBytes : dataWindowBytes
    const grantedBytes = transfers.windows.firstShare(mostBytes)
    this.key = key
    this.#core = core
    this.#channel = channel
    this.#room = transfers.roomIn.seat(() => this.cut(new HeirloomError('timeout', 'the packs come too slowly, and others wait')))
    channel.gate?.({ enter: (type, bytes, go) => type !== frameType.pack || this.#room.take(bytes, go) })
    channel.send(
      welcomeFrame({ certificate: new Uint8Array(0), have: core.packs.have(key), windowBytes: grantedBytes, ...(data && { data }) }),
    )
    this.#lane = new ReceivingLane(
      channel,
      { windowBytes: grantedBytes, gather: data && { clock: core.clock, share: storeGatherShare } },
      {
        pack: (pack) => void this.#store(pack),
        // The predecessor closes the handoff over its control link; the end of this stream says nothing more.
        ended: () => {},
        closed: (error) => {
          // What its data socket brought was refused before it came here.
          if (error !== undefined && this.#failure === undefined && !error.retryable) core.counts.refused(error.code)
          this.#closed()
        },
      },
    )
    this.#held = [transfers.windows.join(this.#lane, mostBytes), transfers.seatPut(this)]
    core.emit('put-opened', { ...key })
  }

  /** Packs that are being written. */
  get writing(): number {
    return this.#writing
  }

  /** Takes no more packs; resolves when those that arrived are durable and acknowledged, or have failed, and the stream has ended. */
  async drain(why: HeirloomError): Promise<void> {
    this.#end(why)
    await this.#channel.closed
  }

  /** Ends at once. What is being written is written, but not acknowledged on this stream. */
  cut(why: HeirloomError): void {
    this.#failure ??= why
    this.#channel.abort(why)
    // Its room is free for the stream that replaces it.
    this.#closed()
  }

  async #store({ number, pieces, bytes, settle, free }: ArrivedPack): Promise<void> {
    // Packs that were under way when the stream was ended count as not delivered.
    if (this.#failure !== undefined) return
    const { packs, presence, counts, transfers } = this.#core
    this.#writing++
    presence.heard(this.#channel.remotePeer)
    try {
      if (!packs.have(this.key).has(number)) {
        // Its memory takes the next one while the disk makes it durable.
        await this.#write(number, pieces, bytes, free)
        this.#packs++
        counts.packsStored++
        counts.bytesStored += bytes
      }
      free()
      settle()
    } catch (thrown) {
      this.#end(asHeirloomError(thrown, 'io'))
    } finally {
      this.#writing--
      this.#room.free(bytes, this.#core.clock.monotonicMs())
      if (this.#isOver && this.#writing === 0) this.#room[Symbol.dispose]()
    }
    transfers.wake(this.key, number)
    if (this.#failure !== undefined) this.#end(this.#failure)
  }

  async #write(number: number, pieces: readonly Uint8Array[], bytes: number, onWritten: () => void): Promise<void> {
    const { packs, quota, rendezvous } = this.#core
    const record = rendezvous.find(this.key)
    if (record === undefined || record.finished || number >= (record.packs ?? Infinity))
      throw new HeirloomError('not-found', 'the handoff is closed')
    if (isLost(record)) throw new HeirloomError('fenced', 'this standing handoff was claimed')
    using room = quota.admit(record, bytes)
    void room
    await packs.put(this.key, number, pieces, { onWritten })
  }

  /** Says why and ends, after what is being written. */
  #end(failure: HeirloomError): void {
    if (this.#failure === undefined) {
      this.#failure = failure
      this.#core.counts.refused(failure.code)
    }
    if (this.#writing > 0 || this.#isFailing || this.#isOver) return
    this.#isFailing = true
    // The acknowledgement of what was settled in this turn goes out first.
    queueMicrotask(() => this.#lane.fail(this.#failure))
  }

  #closed(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#failure ??= new HeirloomError('link-lost', 'the stream is over')
    for (const each of this.#held) each[Symbol.dispose]()
    // What is being written is in memory until it is.
    if (this.#writing === 0) this.#room[Symbol.dispose]()
    this.#core.emit('put-closed', { ...this.key, packs: this.#packs })
  }
}
