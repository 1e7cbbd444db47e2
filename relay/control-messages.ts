// The relay's half of the control link as protobuf messages.

import { create } from '@bufbuild/protobuf'
import { peerBytes } from '../src/seal/identity.ts'
import {
  AssignmentSchema,
  ExpectedSchema,
  FencedSchema,
  HeirChangedSchema,
  HeirSchema,
  NotificationSchema,
  StandingSchema,
  type Assignment,
  type Heir,
  type Notification,
  type Standing,
} from '../src/wire/gen/control_pb.ts'
import type { ForeignClaim } from './claim-order.ts'
import type { AssignmentNews, Expectation, HeirNews, Note } from './outcome.ts'

export function heirMessage({ peer, epoch, addresses, assignedBy }: HeirNews): Heir {
  return create(HeirSchema, { peer: peerBytes(peer), epoch, addresses: [...addresses], ...givenBy(assignedBy) })
}

export function assignmentMessage({ record, addresses, live }: AssignmentNews, nowMs: number): Assignment {
  const { key, epoch, header, predecessor, ahead } = record
  return create(AssignmentSchema, {
    handoff: Buffer.from(key.handoff, 'hex'),
    epoch,
    header,
    predecessor: peerBytes(predecessor),
    addresses: [...addresses],
    live,
    packs: record.packs ?? 0,
    since: ahead?.since ?? 0,
    standing: ahead?.standing ?? false,
    ...givenBy(record.assignedBy),
    ageMs: ahead?.standing === true ? BigInt(Math.max(0, Math.floor(nowMs - ahead.asOfMs))) : 0n,
  })
}

export function standingMessage({ claim: { heir, epoch, assignedBy }, finished }: { claim: ForeignClaim; finished: boolean }): Standing {
  return create(StandingSchema, { heir: heirMessage({ peer: heir, epoch, assignedBy, addresses: [] }), finished })
}

/** Of an epoch that another relay gave. */
function givenBy(relay: string | undefined): { assignedBy?: Uint8Array } {
  return relay === undefined ? {} : { assignedBy: peerBytes(relay) }
}

export function notificationMessage(note: Note, nowMs: number): Notification {
  return create(NotificationSchema, { event: eventOf(note, nowMs) })
}

export function expectationMessage({ heir }: Expectation): Notification {
  const fields = heir && { peer: peerBytes(heir.peer), addresses: [...heir.addresses] }
  return create(NotificationSchema, { event: { case: 'expected', value: create(ExpectedSchema, fields) } })
}

function eventOf(note: Note, nowMs: number): Notification['event'] {
  switch (note.kind) {
    case 'assigned':
      return { case: 'assigned', value: assignmentMessage(note.assignment, nowMs) }
    case 'heir-changed': {
      const { record, heir, finished } = note
      const handoff = Buffer.from(record.key.handoff, 'hex')
      return { case: 'heirChanged', value: create(HeirChangedSchema, { handoff, finished, ...(heir && { heir: heirMessage(heir) }) }) }
    }
    case 'fenced': {
      const { key, epoch } = note.record
      return { case: 'fenced', value: create(FencedSchema, { handoff: Buffer.from(key.handoff, 'hex'), epoch }) }
    }
  }
}
