// Where streams that a predecessor opens to this peer find the inheritance that they are for.

import type { Clock } from '../../src/clock.ts'
import type { Node } from '../../src/net/node.ts'
import { asHeirloomError, HeirloomError } from '../../src/errors.ts'
import { helloTimeoutMs } from '../../src/limits.ts'
import { readHello } from '../../src/transfer/messages.ts'
import type { Channel } from '../../src/wire/channel.ts'
import { transferProtocol } from '../../src/wire/protocols.ts'
import { refuse, type Inheritance } from './successor.ts'

export class InheritanceDesk {
  readonly #clock: Clock
  readonly #seated = new Map<string, Inheritance>()

  private constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Answers transfers on this node from now on. */
  static async open(node: Node, clock: Clock): Promise<InheritanceDesk> {
    const desk = new InheritanceDesk(clock)
    await node.handle(transferProtocol, (channel) => desk.#greet(channel))
    return desk
  }

  seat(inheritance: Inheritance): Disposable {
    this.#seated.set(inheritance.handoffHex, inheritance)
    return {
      [Symbol.dispose]: () => {
        if (this.#seated.get(inheritance.handoffHex) === inheritance) this.#seated.delete(inheritance.handoffHex)
      },
    }
  }

  #greet(channel: Channel): void {
    const cancel = this.#clock.after(helloTimeoutMs, () => channel.abort(new HeirloomError('timeout', 'no hello came')))
    void channel.closed.then(cancel)
    channel.onFrame((frame) => {
      cancel()
      channel.hold()
      try {
        const hello = readHello(frame)
        const inheritance = this.#seated.get(Buffer.from(hello.handoff).toString('hex'))
        if (hello.role !== 'sends') throw new HeirloomError('unsupported', 'a successor has nothing to send')
        // The claim may be under way to us still: the predecessor tries again in a moment.
        if (inheritance === undefined) throw new HeirloomError('busy', 'this peer is not the heir of that handoff, or not yet')
        inheritance.acceptDirect(channel, hello)
      } catch (thrown) {
        refuse(channel, asHeirloomError(thrown))
      }
    })
  }
}
