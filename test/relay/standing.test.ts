// Handoffs that are begun ahead of any notice, at the relay: who may claim them and when, and who is fenced.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { errorFromStatus } from '../../src/errors.ts'
import { frameType } from '../../src/wire/frame.ts'
import { leaseMs, settle, TestRelay, type RelayPeer } from '../helpers/relay-peer.ts'

const test = suite('standing handoffs')

async function standing(peer: RelayPeer) {
  const { handoff, header } = await peer.newHandoff()
  const offer = (fields: { standing: boolean; since?: number; ageMs?: bigint }) =>
    peer.ask({
      case: 'offer',
      value: { $typeName: 'heirloom.wire.v1.Offer', handoff, header, deadlineMs: 0n, keepMs: 0n, since: 0, ageMs: 0n, ...fields },
    })
  const withdraw = () => peer.ask({ case: 'withdraw', value: { $typeName: 'heirloom.wire.v1.Withdraw', handoff } })
  return { handoff, offer, withdraw }
}

function codeOf(status: number): string {
  return status === 0 ? 'ok' : errorFromStatus(status, '').code
}

/** A predecessor with a standing handoff of one pack, and a successor that waits. */
async function scene(relay: TestRelay) {
  const old = await relay.peer()
  const ahead = await standing(old)
  assert.is((await ahead.offer({ standing: true })).status, 0)
  const put = old.transfer({ handoff: ahead.handoff, role: 'sends' })
  await put.next(frameType.welcome)
  put.pack(0, 1000)
  await put.next(frameType.acknowledge)
  const heir = await relay.peer()
  assert.is((await heir.wait()).result.case, undefined, 'while its predecessor lives nobody may have it')
  return { old, heir, put, ...ahead }
}

/** The predecessor's links are gone for longer than its lease, and the heir has said something meanwhile. */
async function loseLease(relay: TestRelay, old: RelayPeer, heir: RelayPeer): Promise<void> {
  await old.control.close()
  for (let step = 0; step < 5; step++) {
    relay.clock.advance(leaseMs / 4)
    await heir.ask({ case: 'renew', value: { $typeName: 'heirloom.wire.v1.Renew' } })
  }
  relay.relay.core.tick()
  await settle()
}

test('with the notice it becomes a handoff like any other, and a late repeat of the standing offer undoes nothing', async () => {
  await using relay = new TestRelay()
  const { heir, offer } = await scene(relay)
  assert.is((await offer({ standing: true, since: 5 })).status, 0)
  await settle()
  assert.is(heir.notes.size, 0)
  const { result } = await offer({ standing: false, since: 7 })
  assert.is(result.case === 'offered' && result.value.heir?.epoch, 1)
  const { event } = await heir.note('assigned')
  assert.ok(event.case === 'assigned')
  assert.equal([event.value.since, event.value.standing, event.value.live], [7, false, true])
  assert.is((await offer({ standing: true, since: 5 })).status, 0, 'the predecessor is not fenced')
})

test('when the lease of its predecessor ends, it goes to the successor that waits, with its age; the predecessor is fenced', async () => {
  await using relay = new TestRelay()
  const { old, heir, put, offer, handoff } = await scene(relay)
  assert.is((await offer({ standing: true, since: 1, ageMs: 4000n })).status, 0)
  await put.channel.close()
  await loseLease(relay, old, heir)
  const { event } = await heir.note('assigned')
  assert.ok(event.case === 'assigned')
  assert.equal([event.value.since, event.value.standing, event.value.live], [1, true, false])
  assert.ok(event.value.ageMs >= 4000n + BigInt(leaseMs))
  const again = await relay.peer(old.member)
  const { header } = relay.relay.core.rendezvous.records()[0]!
  const value = {
    $typeName: 'heirloom.wire.v1.Offer' as const,
    handoff,
    header,
    deadlineMs: 0n,
    keepMs: 0n,
    standing: true,
    since: 1,
    ageMs: 0n,
  }
  assert.is(codeOf((await again.ask({ case: 'offer', value })).status), 'fenced')
  assert.is(codeOf((await again.ask({ case: 'offer', value: { ...value, standing: false } })).status), 'fenced', 'also at a notice')
  assert.is((await again.transfer({ handoff, role: 'sends' }).failure()).code, 'fenced')
  assert.is(codeOf((await again.ask({ case: 'withdraw', value: { $typeName: 'heirloom.wire.v1.Withdraw', handoff } })).status), 'fenced')
  assert.is((await (await standing(again)).offer({ standing: true })).status, 0, 'it begins anew')
})

test('what a predecessor withdraws is gone, and nobody else can', async () => {
  await using relay = new TestRelay()
  const { heir, withdraw, handoff } = await scene(relay)
  assert.is(codeOf((await heir.ask({ case: 'withdraw', value: { $typeName: 'heirloom.wire.v1.Withdraw', handoff } })).status), 'not-found')
  assert.is(codeOf((await withdraw()).status), 'ok')
  await settle()
  assert.equal([...relay.packs.list()].length, 0)
  assert.is(codeOf((await withdraw()).status), 'not-found')
})

test('after a restart of the relay it still stands, and its predecessor has one lease to come back', async () => {
  await using relay = new TestRelay()
  const { old, offer } = await scene(relay)
  assert.is((await offer({ standing: true, since: 1 })).status, 0)
  await relay.restart()
  const heir = await relay.peer()
  assert.is((await heir.wait()).result.case, undefined)
  const record = relay.relay.core.rendezvous.records()[0]!
  assert.equal([record.ahead?.standing, record.ahead?.since], [true, 1])
  void old
})

test.run()
