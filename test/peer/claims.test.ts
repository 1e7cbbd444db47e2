// What an heir hears from the relays at which it takes its claim up.

import { create } from '@bufbuild/protobuf'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Claims } from '../../peer/inherit/claims.ts'
import type { RelayLink, Verb } from '../../peer/relay-link.ts'
import { createIdentity } from '../../src/seal/identity.ts'
import { AssignmentSchema, ResponseSchema } from '../../src/wire/gen/control_pb.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('claims')

const handoff = new Uint8Array(16).fill(7)

/** A relay that knows the handoff, and of its packs those below `since` to wait for a verdict. */
function relayWith(since: number): RelayLink {
  return {
    id: createIdentity().peerId,
    address: '/relay',
    listen: () => ({ [Symbol.dispose]() {} }),
    request: ({ case: verb }: Verb) => {
      assert.is(verb, 'claim')
      const value = create(AssignmentSchema, { handoff, epoch: 1, since })
      return Promise.resolve(create(ResponseSchema, { result: { case: 'assignment', value } }))
    },
  } as unknown as RelayLink
}

test('every relay says how many of its packs wait for a verdict: the one that assigned may have heard less', async () => {
  const [first, second] = [relayWith(0), relayWith(23)]
  const assignment = create(AssignmentSchema, { handoff, epoch: 1 })
  const claims = new Claims({ assignment, relay: first, relays: [first, second], clock: new ManualClock(0) })
  const known: unknown[] = []
  using following = claims.follow({
    onKnown: (relay, { since }) => known.push([relay.id, since]),
    onFenced: () => assert.unreachable('nobody else is the heir'),
  })
  void following
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(known, [[second.id, 23]])
})

test.run()
