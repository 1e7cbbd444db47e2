// The store's packs on their way to the heir: in the order of their numbers, within the heir's window, what it demands first; then what
// arrives, until the handoff is closed or its predecessor gone.
// Invariant: no more than the heir's window and one pack, read ahead, is in memory, all of it within the relay's room; an heir with an old epoch
// gets nothing.

import { asHeirloomError, HeirloomError } from '../src/errors.ts'
import { refuse } from '../src/lane/refuse.ts'
import { windowBytes } from '../src/limits/lane.ts'
import { readRoomBytes } from '../src/limits/relay.ts'
import { readDemand } from '../src/transfer/demand.ts'
import { endFrame, readAcknowledge, readFailure, welcomeFrame, type HelloMessage } from '../src/transfer/messages.ts'
import { TransferSender } from '../src/transfer/sender.ts'
import type { Channel } from '../src/wire/channel.ts'
import { frameType, makeFrame, type Frame } from '../src/wire/frame.ts'
import { freeMemory } from '../src/wire/free-memory.ts'
import { freeSent } from '../src/wire/free-sent.ts'
import { PackSet } from '../src/wire/pack-set.ts'
import type { Carried } from './carry.ts'
import type { RelayCore } from './relay-core.ts'
import type { RoomSeat } from './room.ts'
import { expectSmallFrames } from './small-frames.ts'
import type { HandoffKey } from './store/store.ts'

interface ReadPack {
  readonly number: number
  readonly sealed: Uint8Array
}

export class GetSession {
  readonly key: HandoffKey
  readonly #core: RelayCore
  readonly #channel: Channel
  readonly #epoch: number
  readonly #sender: TransferSender
  /** Read, or found damaged: not to be read again. */
  readonly #taken = new PackSet()
  /** What was sent and is not acknowledged. */
  readonly #inFlight = new Map<number, Frame['body']>()
  readonly #room: RoomSeat
  /** Picked to be read, as soon as there is room for it; one of what is demanded before the next in turn. */
  #picked: number | undefined
  #hurried: number | undefined
  #isInLine = false
  /** Room for one pack is taken, and none is being read into it. */
  #hasRoom = false
  /** Demanded, and not taken yet. */
  readonly #demanded = new PackSet()
  /** No pack of the store below it is left to send; and the end of the numbers that the store has. */
  #next = 0
  #end = 0
  #ahead: Promise<ReadPack | undefined> | undefined
  #isRunning = false
  #again = false
  /** Whether the end that was said last was that of a closed handoff; undefined when packs were sent after it. */
  #endSaid: boolean | undefined
  #isOver = false

  /** Takes over a channel whose hello was read and whose peer is the heir. */
  constructor(core: RelayCore, { channel, data }: Carried, key: HandoffKey, hello: HelloMessage) {
    this.key = key
    this.#core = core
    this.#channel = channel
    this.#epoch = hello.epoch
    this.#sender = new TransferSender({ have: hello.have, windowBytes: Math.min(hello.windowBytes, windowBytes) })
    this.#room = core.transfers.roomOut.seat(() =>
      this.cut(new HeirloomError('timeout', 'the packs are taken too slowly, and others wait')),
    )
    // A receiver sends frames, too.
    expectSmallFrames(core, channel)
    for (const number of core.packs.have(key)) this.#end = number + 1
    channel.send(welcomeFrame({ certificate: new Uint8Array(0), have: new PackSet(), windowBytes: 0, ...(data && { data }) }))
    const seat = core.transfers.seatGet(this)
    core.emit('get-opened', { ...key })
    void channel.closed.then(() => {
      this.#isOver = true
      this.#ahead = undefined
      seat[Symbol.dispose]()
      this.#room[Symbol.dispose]()
      core.emit('get-closed', { ...key })
    })
    channel.onFrame((frame) => this.#take(frame))
    this.wake()
  }

  /** Something has changed, perhaps a pack was stored: more may be sent, or nothing more at all. */
  wake(pack?: number): void {
    if (this.#isOver) return
    if (pack !== undefined) {
      this.#next = Math.min(this.#next, pack)
      this.#end = Math.max(this.#end, pack + 1)
    }
    this.#again = true
    if (this.#isRunning) return
    this.#isRunning = true
    void this.#run().finally(() => (this.#isRunning = false))
  }

  /** Says why and ends. */
  fail(thrown: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    const failure = asHeirloomError(thrown)
    this.#core.counts.refused(failure.code)
    // Whoever is fenced learns it when the newer epoch is on disk.
    this.#core.inOrder(this.key, () => refuse(this.#channel, failure))
  }

  /** Ends at once. */
  cut(why: HeirloomError): void {
    this.#isOver = true
    this.#channel.abort(why)
  }

  #take(frame: Frame): void {
    this.#core.presence.heard(this.#channel.remotePeer)
    try {
      if (frame.type === frameType.acknowledge) {
        const { packs, windowBytes: asked } = readAcknowledge(frame)
        this.#letGo(this.#sender.acknowledged({ packs, windowBytes: Math.min(asked, windowBytes) }))
      } else if (frame.type === frameType.demand) this.#demanded.addAll(readDemand(frame).packs)
      else if (frame.type === frameType.failure) return this.cut(readFailure(frame))
      else throw new HeirloomError('malformed', `an heir sent a frame of type ${frame.type}`)
      this.wake()
    } catch (thrown) {
      this.fail(thrown)
    }
  }

  /** These have arrived, so nothing holds their memory any more. */
  #letGo(numbers: readonly number[]): void {
    for (const number of numbers) {
      const body = this.#inFlight.get(number)!
      this.#freeRoom(body.reduce((sum, { byteLength }) => sum + byteLength, 0))
      freeSent(this.#channel, body, () => freeMemory(body))
      this.#inFlight.delete(number)
    }
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#isOver) {
      this.#again = false
      try {
        await this.#sendWhatFits()
      } catch (thrown) {
        this.fail(thrown)
      }
    }
  }

  async #sendWhatFits(): Promise<void> {
    while (!this.#isOver) {
      this.#checkHeir()
      if (await this.#sendDemanded()) continue
      this.#ahead ??= this.#read()
      if (this.#ahead === undefined) {
        if (this.#isInLine) return
        this.#giveRoomBack()
        return this.#sayEnd()
      }
      const pack = await this.#ahead
      if (this.#isOver) return
      if (pack === undefined) {
        this.#ahead = undefined
        continue
      }
      // While it was read somebody else may have become the heir.
      this.#checkHeir()
      const bytes = pack.sealed.byteLength
      if (!this.#sender.canSend(bytes)) return
      const hasRoom = this.#send(pack)
      this.#ahead = this.#read()
      if (!hasRoom) await this.#channel.drained()
    }
  }

  /** What was demanded goes before what was read ahead, and by one pack beyond the credit. Answers whether there may be more of it. */
  async #sendDemanded(): Promise<boolean> {
    // It may have been sent in its turn meanwhile.
    if (this.#hurried !== undefined && !this.#isWanted(this.#hurried)) this.#hurried = undefined
    this.#hurried ??= this.#pickDemanded()
    const number = this.#hurried
    if (number === undefined || !this.#sender.canHurry() || !this.#takeRoom()) return false
    this.#hurried = undefined
    const pack = await this.#readOne(number)
    if (pack === undefined || this.#isOver) return true
    this.#checkHeir()
    if (!this.#send(pack)) await this.#channel.drained()
    return true
  }

  #send({ number, sealed }: ReadPack): boolean {
    const { counts } = this.#core
    const bytes = sealed.byteLength
    this.#sender.sent(number, bytes)
    const frame = makeFrame(frameType.pack, sealed)
    this.#inFlight.set(number, frame.body)
    this.#endSaid = undefined
    counts.packsServed++
    counts.bytesServed += bytes
    return this.#channel.send(frame)
  }

  #checkHeir(): void {
    const { rendezvous } = this.#core
    const record = rendezvous.find(this.key)
    if (record === undefined || record.finished) throw new HeirloomError('not-found', 'the handoff is over')
    if (!rendezvous.isHeir(this.key, this.#channel.remotePeer, this.#epoch))
      throw new HeirloomError('fenced', 'this is not the heir any more')
  }

  /** Begins to read the next pack. Undefined when there is none to send now, or no room for it; resolves with undefined when it can't be had. */
  #read(): Promise<ReadPack | undefined> | undefined {
    if (this.#picked !== undefined && !this.#isWanted(this.#picked)) this.#picked = undefined
    this.#picked ??= this.#pick()
    const number = this.#picked
    if (number === undefined || !this.#takeRoom()) return undefined
    this.#picked = undefined
    return this.#readOne(number)
  }

  /** True when there is room for one more pack, else there will be when it is this session's turn. */
  #takeRoom(): boolean {
    if (this.#hasRoom || this.#isInLine) return this.#hasRoom
    this.#hasRoom = this.#room.take(readRoomBytes, () => {
      this.#isInLine = false
      this.#hasRoom = true
      this.wake()
    })
    this.#isInLine = !this.#hasRoom
    return this.#hasRoom
  }

  #giveRoomBack(): void {
    if (this.#hasRoom) this.#freeRoom(readRoomBytes)
    this.#hasRoom = false
  }

  #freeRoom(bytes: number): void {
    this.#room.free(bytes, this.#core.clock.monotonicMs())
  }

  /** Into the room that is taken for it. */
  async #readOne(number: number): Promise<ReadPack | undefined> {
    this.#hasRoom = false
    this.#taken.add(number)
    try {
      const sealed = await this.#core.packs.get(this.key, number)
      const bytes = sealed?.byteLength ?? 0
      if (bytes <= readRoomBytes) this.#freeRoom(readRoomBytes - bytes)
      else this.#room.given(bytes - readRoomBytes)
      return sealed && { number, sealed }
    } catch (thrown) {
      this.#freeRoom(readRoomBytes)
      // One damaged pack costs itself: the heir asks its predecessor for it.
      this.#core.onWarning(asHeirloomError(thrown, 'io'))
      return undefined
    }
  }

  #pick(): number | undefined {
    while (this.#next < this.#end) {
      const number = this.#next++
      if (this.#isWanted(number)) return number
    }
    return undefined
  }

  #pickDemanded(): number | undefined {
    for (const number of this.#demanded) {
      // What the store doesn't have yet stays demanded.
      if (number >= this.#end) break
      this.#demanded.delete(number)
      if (this.#isWanted(number)) return number
    }
    return undefined
  }

  #isWanted(number: number): boolean {
    return this.#core.packs.have(this.key).has(number) && !this.#taken.has(number) && !this.#sender.have.has(number)
  }

  #sayEnd(): void {
    const { rendezvous, transfers } = this.#core
    const record = rendezvous.find(this.key)
    if (record === undefined || rendezvous.mayGrow(record) || transfers.isWriting(this.key)) return
    const closed = record.packs !== undefined
    if (this.#endSaid === closed) return
    this.#endSaid = closed
    this.#channel.send(endFrame({ packs: record.packs ?? 0, closed }))
  }
}
