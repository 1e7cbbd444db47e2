// What a peer's parts need of its relay: requests with answers, and what it says unasked. One relay's client is one, and so are all relays of a pool.

import type { HeirloomError } from '../src/errors.ts'
import type { Notification, Request, Response } from '../src/wire/gen/control_pb.ts'

export type Verb = Exclude<Request['verb'], { case: undefined }>

export interface RelayEvents {
  /** Enrolled, on a new link: what it is to know of us it must be told again. It may be another relay than before. */
  enrolled?(): void
  lost?(error: HeirloomError): void
  notification?(notification: Notification): void
}

export interface RelayLink {
  /** The relay's peer id; of several relays, that of the one which is used now. */
  readonly id: string
  /** The address of the relay that has enrolled us, while the link is up. */
  readonly address: string | undefined
  /** Whether the relay takes data sockets, and its data port answered after the last enrolment. */
  readonly isDataReachable: boolean
  listen(events: RelayEvents): Disposable
  /** One request; throws the relay's refusal, with its response as the cause, or `link-lost` or `timeout` when the link fails. */
  request(verb: Verb, options?: { signal?: AbortSignal }): Promise<Response>
}
