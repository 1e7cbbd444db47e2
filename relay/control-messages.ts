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
  type Assignment,
  type Heir,
  type Notification,
} from '../src/wire/gen/control_pb.ts'
import type { AssignmentNews, Expectation, HeirNews, Note } from './outcome.ts'

export function heirMessage({ peer, epoch, addresses }: HeirNews): Heir {
  return create(HeirSchema, { peer: peerBytes(peer), epoch, addresses: [...addresses] })
}

export function assignmentMessage({ record, addresses, live }: AssignmentNews): Assignment {
  const { key, epoch, header, predecessor } = record
  return create(AssignmentSchema, {
    handoff: Buffer.from(key.handoff, 'hex'),
    epoch,
    header,
    predecessor: peerBytes(predecessor),
    addresses: [...addresses],
    live,
  })
}

export function notificationMessage(note: Note): Notification {
  return create(NotificationSchema, { event: eventOf(note) })
}

export function expectationMessage({ heir }: Expectation): Notification {
  const fields = heir && { peer: peerBytes(heir.peer), addresses: [...heir.addresses] }
  return create(NotificationSchema, { event: { case: 'expected', value: create(ExpectedSchema, fields) } })
}

function eventOf(note: Note): Notification['event'] {
  switch (note.kind) {
    case 'assigned':
      return { case: 'assigned', value: assignmentMessage(note.assignment) }
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
