// The relay's end of a control link: what is refused, what is durable before it is told, and what a peer that misbehaves costs.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { HeirloomError } from '../../src/errors.ts'
import { helloTimeoutMs } from '../../src/limits/lane.ts'
import { controlQueueBytesMax, requestsOpenMax } from '../../src/limits/link.ts'
import { issueCertificate } from '../../src/seal/certificate.ts'
import { generatePool } from '../../src/seal/pool-key.ts'
import { frameType, makeFrame } from '../../src/wire/frame.ts'
import { hourMs, makeMember, nowMs } from '../helpers/pool.ts'
import { RelayPeer, TestRelay, leaseMs, settle } from '../helpers/relay-peer.ts'

const test = suite('control session')

const codeOf = (status: number) => new Map([[0, 'ok'], ...codes]).get(status)
const codes = (
  [
    'unauthorised',
    'foreign-pool',
    'expired-certificate',
    'already-claimed',
    'fenced',
    'not-found',
    'busy',
    'draining',
    'no-space',
    'malformed',
  ] as const
).map((code) => [new HeirloomError(code, '').status, code] as [number, string])

test('until it has enrolled, a peer is refused everything', async () => {
  await using relay = new TestRelay()
  const peer = new RelayPeer(relay, makeMember(relay.pool))
  assert.is(codeOf((await peer.wait()).status), 'unauthorised')
  assert.is((await peer.enrol()).result.case, 'enrolled')
  assert.is((await peer.wait()).status, 0)
})

test('foreign pool: a certificate of a pool that the relay does not serve is refused', async () => {
  await using relay = new TestRelay()
  const peer = new RelayPeer(relay, makeMember(generatePool('elsewhere')))
  assert.is(codeOf((await peer.enrol()).status), 'foreign-pool')
})

test('expired certificate: it is refused, and a peer whose certificate runs out while it is enrolled is sent away', async () => {
  await using relay = new TestRelay()
  const member = makeMember(relay.pool)
  const certificate = issueCertificate(relay.pool, {
    peer: member.identity.peer,
    may: ['send'],
    issuedMs: nowMs - 2 * hourMs,
    expiresMs: nowMs - hourMs,
  })
  assert.is(codeOf((await new RelayPeer(relay, member).enrol(certificate)).status), 'expired-certificate')
  const peer = await relay.peer()
  relay.clock.advance(2 * hourMs)
  assert.is((await peer.failures.next()).code, 'expired-certificate')
  await peer.control.closed
})

test("wrong key: a certificate for another peer, or signed by another key under the pool's name, is refused", async () => {
  await using relay = new TestRelay()
  const [thief, owner] = [makeMember(relay.pool), makeMember(relay.pool)]
  assert.is(codeOf((await new RelayPeer(relay, thief).enrol(owner.certificate)).status), 'unauthorised')
  const forged = Object.assign(generatePool('checkout'), { id: relay.pool.id })
  const terms = { peer: thief.identity.peer, may: ['send'] as const, issuedMs: nowMs, expiresMs: nowMs + hourMs }
  assert.is(codeOf((await new RelayPeer(relay, thief).enrol(issueCertificate(forged, terms))).status), 'unauthorised')
})

test('a peer may only do what its certificate says', async () => {
  await using relay = new TestRelay()
  const member = makeMember(relay.pool)
  const certificate = issueCertificate(relay.pool, {
    peer: member.identity.peer,
    may: ['send'],
    issuedMs: nowMs,
    expiresMs: nowMs + hourMs,
  })
  const peer = await relay.peer({ ...member, certificate })
  assert.is(codeOf((await peer.wait()).status), 'unauthorised')
  await peer.offer()
})

test('a link on which nobody enrols is ended', async () => {
  await using relay = new TestRelay()
  const peer = new RelayPeer(relay, makeMember(relay.pool))
  relay.clock.advance(helloTimeoutMs)
  assert.is((await peer.failures.next()).code, 'timeout')
  await peer.control.closed
})

test('a frame that does not decode ends the link with a failure', async () => {
  await using relay = new TestRelay()
  const peer = await relay.peer()
  peer.control.send(makeFrame(frameType.request, new Uint8Array([0xff, 0xff, 0xff])))
  assert.is((await peer.failures.next()).code, 'malformed')
  await peer.control.closed
})

test('an epoch is on disk before anybody is told of it', async () => {
  await using relay = new TestRelay()
  const [predecessor, heir, rival] = [await relay.peer(), await relay.peer(), await relay.peer()]
  const handoff = await predecessor.offer()
  relay.records.saves.shut()
  const told: string[] = []
  const claim = heir.claim(handoff).then((response) => told.push(`heir ${codeOf(response.status)}`))
  const refusal = rival.claim(handoff).then((response) => told.push(`rival ${codeOf(response.status)}`))
  const change = predecessor.note('heirChanged').then(() => told.push('predecessor'))
  assert.is((await heir.ask({ case: 'renew', value: { $typeName: 'heirloom.wire.v1.Renew' } })).status, 0, 'other requests go on')
  await settle()
  assert.equal(told, [])
  relay.records.saves.open()
  await Promise.all([claim, refusal, change])
  assert.equal(told.sort(), ['heir ok', 'predecessor', 'rival already-claimed'])
  assert.equal(
    [...relay.records.list()].map(({ epoch }) => epoch),
    [1],
  )
})

test('what rests on a save that fails is not told either, though it has nothing to save itself', async () => {
  await using relay = new TestRelay()
  const [predecessor, heir] = [await relay.peer(), await relay.peer()]
  const handoff = await predecessor.offer()
  relay.records.saves.shut()
  const claims = [heir.claim(handoff), heir.claim(handoff)]
  await settle()
  relay.records.saves.failure = new HeirloomError('no-space', 'the disk is full')
  relay.records.saves.open()
  assert.equal(
    (await Promise.all(claims)).map(({ status, result }) => [codeOf(status), result.case]),
    [
      ['no-space', undefined],
      ['no-space', undefined],
    ],
  )
  await settle()
  assert.is(predecessor.notes.size, 0)
  relay.records.saves.failure = undefined
  assert.is(codeOf((await heir.claim(handoff)).status), 'ok')
})

test('full disk: a claim that cannot be saved is refused, and is made good when there is room again', async () => {
  await using relay = new TestRelay()
  const [predecessor, heir] = [await relay.peer(), await relay.peer()]
  const handoff = await predecessor.offer()
  relay.records.saves.failure = new HeirloomError('no-space', 'the disk is full')
  const refusal = await heir.claim(handoff)
  assert.is(codeOf(refusal.status), 'no-space')
  assert.is(refusal.result.case, undefined, "an epoch that is not on disk is nobody's to know")
  assert.is(relay.warnings.length, 1)
  relay.records.saves.failure = undefined
  const { result } = await heir.claim(handoff)
  assert.is(result.case === 'assignment' && result.value.epoch, 1)
  assert.equal(
    [...relay.records.list()].map(({ epoch }) => epoch),
    [1],
  )
})

test('a successor that waits is told of its assignment, and a predecessor of its heir', async () => {
  await using relay = new TestRelay()
  const [predecessor, heir] = [await relay.peer(), await relay.peer()]
  assert.is((await heir.wait()).result.case, undefined)
  const handoff = await predecessor.offer()
  const { event } = await heir.note('assigned')
  if (event.case !== 'assigned') return assert.unreachable()
  assert.equal(new Uint8Array(event.value.handoff), handoff)
  assert.equal(event.value.addresses, [`/at/${predecessor.member.identity.peerId}`])
  assert.ok(event.value.live)
  const changed = (await predecessor.note('heirChanged')).event
  assert.is(changed.case === 'heirChanged' && changed.value.heir?.epoch, 1)
})

test('old epoch: an heir whose lease has ended is fenced by the next one', async () => {
  await using relay = new TestRelay()
  const [predecessor, heir, next] = [await relay.peer(), await relay.peer(), await relay.peer()]
  const handoff = await predecessor.offer()
  await heir.claim(handoff)
  await next.wait()
  for (let passedMs = 0; passedMs <= leaseMs; passedMs += 1000) {
    relay.clock.advance(1000)
    await Promise.all([next, predecessor].map((peer) => peer.ask({ case: 'renew', value: { $typeName: 'heirloom.wire.v1.Renew' } })))
  }
  const { event } = await next.note('assigned')
  assert.is(event.case === 'assigned' && event.value.epoch, 2)
  const fenced = (await heir.note('fenced')).event
  assert.is(fenced.case === 'fenced' && fenced.value.epoch, 2)
  assert.is(codeOf((await heir.claim(handoff, 1)).status), 'fenced')
  assert.is(codeOf((await heir.finish(handoff, 1)).status), 'fenced')
  assert.is((await next.finish(handoff, 2)).status, 0)
})

test('a relay that was held up takes nobody for gone because of it', async () => {
  await using relay = new TestRelay()
  const [predecessor, heir] = [await relay.peer(), await relay.peer()]
  const handoff = await predecessor.offer()
  await heir.claim(handoff)
  relay.clock.jump(3 * leaseMs)
  assert.ok(relay.relay.core.presence.isPresent(heir.member.identity.peerId))
  const rival = await relay.peer()
  assert.is(codeOf((await rival.claim(handoff)).status), 'already-claimed')
})

test('a relay that was held up takes nobody for gone, also when it hears others before it looks at the time', async () => {
  await using relay = new TestRelay()
  const [predecessor, heir, rival] = [await relay.peer(), await relay.peer(), await relay.peer()]
  const handoff = await predecessor.offer()
  await heir.claim(handoff)
  let claimed: ReturnType<RelayPeer['claim']> | undefined
  const { core } = relay.relay
  relay.clock.jump(3 * leaseMs, () => {
    claimed = rival.claim(handoff)
    assert.ok(core.rendezvous.records().every((record) => core.rendezvous.mayGrow(record)))
  })
  assert.is(codeOf((await claimed!).status), 'already-claimed')
})

test('more requests than may be open are refused, not queued', async () => {
  await using relay = new TestRelay()
  const peer = await relay.peer()
  relay.records.saves.shut()
  const handoffs = await Promise.all(Array.from({ length: requestsOpenMax + 1 }, () => peer.newHandoff()))
  const answers = handoffs.map(({ handoff, header }) =>
    peer.ask({
      case: 'offer',
      value: { $typeName: 'heirloom.wire.v1.Offer', handoff, header, deadlineMs: 0n, keepMs: 0n, standing: false, since: 0, ageMs: 0n },
    }),
  )
  assert.is(codeOf((await answers.at(-1)!).status), 'busy')
  relay.records.saves.open()
  assert.ok((await Promise.all(answers.slice(0, -1))).every(({ status }) => status === 0))
})

test('a peer that never reads is cut off when what waits for it exceeds its bound', async () => {
  await using relay = new TestRelay()
  const [predecessor, heir] = [await relay.peer(), await relay.peer()]
  await predecessor.offer()
  heir.control.reading = false
  let isOver = false
  void heir.control.closed.then(() => (isOver = true))
  let mostBytes = 0
  for (let round = 0; round < 10_000 && !isOver; round++) {
    void heir.wait()
    await new Promise((resolve) => setImmediate(resolve))
    mostBytes = Math.max(mostBytes, heir.relayEnd.unreadBytes)
  }
  assert.ok(isOver)
  assert.ok(mostBytes > 0 && mostBytes <= controlQueueBytesMax + 16 * 1024, `${mostBytes} bytes`)
})

test('a peer that opens link after link keeps the newest few', async () => {
  await using relay = new TestRelay()
  const member = makeMember(relay.pool)
  const links: RelayPeer[] = []
  for (let link = 0; link < 6; link++) links.push(await relay.peer(member))
  await Promise.all([links[0]!.control.closed, links[1]!.control.closed])
  assert.is(relay.relay.core.presence.linked, 1)
  assert.is((await links[5]!.wait()).status, 0)
})

test('while it drains, a relay refuses offers and waits, and ends its links', async () => {
  await using relay = new TestRelay()
  const peer = await relay.peer()
  relay.packs.puts.shut()
  const putting = await relay.peer()
  const handoff = await putting.offer()
  const transfer = putting.transfer({ handoff, role: 'sends' })
  await transfer.next(frameType.welcome)
  transfer.pack(0, 1000)
  await settle()
  const drained = relay.relay.drain({ signal: new AbortController().signal })
  assert.is(codeOf((await peer.wait()).status), 'draining')
  const { handoff: another, header } = await peer.newHandoff()
  const offer = {
    $typeName: 'heirloom.wire.v1.Offer' as const,
    handoff: another,
    header,
    deadlineMs: 0n,
    keepMs: 0n,
    standing: false,
    since: 0,
    ageMs: 0n,
  }
  assert.is(codeOf((await peer.ask({ case: 'offer', value: offer })).status), 'draining')
  relay.packs.puts.open()
  await drained
  await peer.control.closed
})

test('after a restart records, epochs and packs are as they were', async () => {
  await using relay = new TestRelay()
  const [predecessor, heir] = [await relay.peer(), await relay.peer()]
  const handoff = await predecessor.offer()
  await heir.claim(handoff)
  await relay.restart()
  const again = await relay.peer(heir.member)
  const { result } = await again.claim(handoff, 1)
  assert.is(result.case === 'assignment' && result.value.epoch, 1)
  const rival = await relay.peer()
  assert.is(codeOf((await rival.claim(handoff)).status), 'already-claimed')
})

test.run()
