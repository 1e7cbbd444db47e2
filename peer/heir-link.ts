// A link to whoever would be this peer's heir now, made before any notice: at the notice every millisecond counts, and a dial takes dozens.
// It is a hint of the relay's: who the heir is says the answer to the offer, and what fails here costs nothing but speed.

import { asHeirloomError, HeirloomError } from '../src/errors.ts'
import type { LinkingNode } from '../src/net/node.ts'
import { peerIdText, publicKeyOfPeer } from '../src/seal/identity.ts'
import type { Expected } from '../src/wire/gen/control_pb.ts'
import type { EventLog } from './events.ts'
import type { RelayLink } from './relay-link.ts'

export class HeirLink implements AsyncDisposable {
  readonly #node: LinkingNode
  readonly #events: EventLog
  readonly #listening: Disposable
  readonly #stop = new AbortController()
  #heir: string | undefined
  #dialling: Promise<void> = Promise.resolve()

  constructor({ node, relay, events }: { node: LinkingNode; relay: RelayLink; events: EventLog }) {
    this.#node = node
    this.#events = events
    this.#listening = relay.listen({
      notification: ({ event }) => {
        if (event.case === 'expected') this.#follow(event.value)
      },
    })
  }

  #follow({ peer, addresses }: Expected): void {
    const heir = peer.byteLength === 0 ? undefined : nameOf(peer)
    if (this.#heir !== undefined && this.#heir !== heir) this.#node.release(this.#heir)
    this.#heir = heir
    // One at a time: the newest word holds when the one before has come to its end.
    if (heir !== undefined) this.#dialling = this.#dialling.then(() => this.#dial(heir, addresses))
  }

  async #dial(heir: string, addresses: readonly string[]): Promise<void> {
    if (this.#heir !== heir || this.#stop.signal.aborted) return
    try {
      await this.#node.connect(addresses, { signal: this.#stop.signal })
      this.#events.emit('heir-linked', { heir })
      if (this.#heir !== heir) this.#node.release(heir)
    } catch (thrown) {
      if (!this.#stop.signal.aborted) this.#events.emit('heir-unreachable', { heir, reason: asHeirloomError(thrown).message })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listening[Symbol.dispose]()
    this.#stop.abort(new HeirloomError('aborted', 'the peer is over'))
    await this.#dialling
  }
}

/** The relay's word is not to be trusted to be a peer id. */
function nameOf(peer: Uint8Array): string | undefined {
  try {
    publicKeyOfPeer(peer)
    return peerIdText(peer)
  } catch {
    return undefined
  }
}
