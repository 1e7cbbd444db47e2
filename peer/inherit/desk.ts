// Where streams that a predecessor opens to this peer find the inheritance that they are for. A stream may be here before the relay's word that
// this peer is the heir: it waits a moment for it.

import type { Clock } from '../../src/clock.ts'
import type { Node } from '../../src/net/node.ts'
import { asHeirloomError, HeirloomError } from '../../src/errors.ts'
import { refuse } from '../../src/lane/refuse.ts'
import { earlyStreamsMax, helloTimeoutMs } from '../../src/limits/lane.ts'
import { readHello, type HelloMessage } from '../../src/transfer/messages.ts'
import type { Channel } from '../../src/wire/channel.ts'
import { dataProtocol, transferProtocol } from '../../src/wire/protocols.ts'
import type { DirectKind, Inheritance } from './successor.ts'

interface EarlyStream {
  readonly kind: DirectKind
  readonly channel: Channel
  readonly hello: HelloMessage
  readonly handoffHex: string
  readonly cancel: () => void
}

export class InheritanceDesk {
  readonly #clock: Clock
  readonly #seated = new Map<string, Inheritance>()
  readonly #early = new Set<EarlyStream>()

  private constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Answers transfers on this node from now on. */
  static async open(node: Node, clock: Clock): Promise<InheritanceDesk> {
    const desk = new InheritanceDesk(clock)
    await node.handle(transferProtocol, (channel) => desk.#greet('stream', channel))
    await node.handle(dataProtocol, (channel) => desk.#greet('fast', channel))
    return desk
  }

  seat(inheritance: Inheritance): Disposable {
    this.#seated.set(inheritance.handoffHex, inheritance)
    for (const early of this.#early) {
      if (early.handoffHex !== inheritance.handoffHex) continue
      this.#forget(early)
      inheritance.acceptDirect(early.kind, early.channel, early.hello)
    }
    return {
      [Symbol.dispose]: () => {
        if (this.#seated.get(inheritance.handoffHex) === inheritance) this.#seated.delete(inheritance.handoffHex)
      },
    }
  }

  #greet(by: 'stream' | 'fast', channel: Channel): void {
    const kind = by === 'stream' && channel.isRelayed === true ? 'circuit' : by
    const cancel = this.#clock.after(helloTimeoutMs, () => channel.abort(new HeirloomError('timeout', 'no hello came')))
    void channel.closed.then(cancel)
    channel.onFrame((frame) => {
      cancel()
      channel.hold()
      try {
        const hello = readHello(frame)
        if (hello.role !== 'sends') throw new HeirloomError('unsupported', 'a successor has nothing to send')
        const handoffHex = Buffer.from(hello.handoff).toString('hex')
        const inheritance = this.#seated.get(handoffHex)
        if (inheritance === undefined) this.#wait(kind, channel, hello, handoffHex)
        else inheritance.acceptDirect(kind, channel, hello)
      } catch (thrown) {
        refuse(channel, asHeirloomError(thrown))
      }
    })
  }

  /** Half of the time that the predecessor waits for its welcome; then it is told to try again. */
  #wait(kind: DirectKind, channel: Channel, hello: HelloMessage, handoffHex: string): void {
    const why = new HeirloomError('busy', 'this peer is not the heir of that handoff, or not yet')
    if (this.#early.size >= earlyStreamsMax) throw why
    const cancel = this.#clock.after(helloTimeoutMs / 2, () => {
      this.#forget(early)
      refuse(channel, why)
    })
    const early: EarlyStream = { kind, channel, hello, handoffHex, cancel }
    this.#early.add(early)
    void channel.closed.then(() => this.#forget(early))
  }

  #forget(early: EarlyStream): void {
    early.cancel()
    this.#early.delete(early)
  }
}
