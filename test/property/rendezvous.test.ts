// Who hands to whom, for any sequence of requests, repeats, lost links, silences, failed saves and restarts of the relay.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { HeirloomError } from '../../src/errors.ts'
import { keepMsMax } from '../../src/limits/relay.ts'
import type { Outcome } from '../../relay/outcome.ts'
import { Presence } from '../../relay/presence.ts'
import { Rendezvous } from '../../relay/rendezvous.ts'
import type { HandoffKey, HandoffRecord } from '../../relay/store/store.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('rendezvous, any sequence')

const pool = 'a'.repeat(64)
const leaseMs = 10_000
const peers = ['a', 'b', 'c', 'd']
const handoffs = [0, 1, 2, 3, 4].map((digit): HandoffKey => ({ pool, handoff: String(digit).repeat(32) }))

/** What a verb came to. */
interface Request {
  readonly peer: string
  readonly outcome?: Outcome | undefined
  readonly record?: HandoffRecord | undefined
}

type Answer = { readonly refused: string } | { readonly epoch: number; readonly handoff: string } | 'done'

/** The relay around the state machine, as the invariants of outcome.ts ask for it: a disk, and what peers were told. */
class World {
  readonly clock = new ManualClock(1_000_000)
  readonly disk = new Map<string, HandoffRecord>()
  presence = new Presence(this.clock, leaseMs)
  rendezvous = this.#open()
  diskFails = false
  hasFailed = false
  /** Every epoch that somebody was told, by handoff: to whom it was given. */
  readonly told = new Map<string, Map<number, string>>()
  readonly fenced = new Set<string>()

  #open(): Rendezvous {
    return new Rendezvous({
      self: 'relay',
      records: this.disk.values(),
      presence: this.presence,
      hasPacks: ({ handoff }) => Number(handoff[0]) % 2 === 0,
    })
  }

  /** Everything in memory is gone, the links too. */
  restart(): void {
    this.presence = new Presence(this.clock, leaseMs)
    this.rendezvous = this.#open()
  }

  carryOut(outcome: Outcome): boolean {
    if (this.diskFails && (outcome.save !== undefined || outcome.forget)) {
      this.hasFailed = true
      this.rendezvous.saveFailed(outcome.key)
      return false
    }
    if (outcome.save !== undefined) this.disk.set(outcome.key.handoff, outcome.save)
    if (outcome.forget) this.disk.delete(outcome.key.handoff)
    for (const note of outcome.notes) {
      if (note.kind === 'assigned') this.tell(note.to, note.assignment.record)
      if (note.kind === 'heir-changed' && note.heir !== undefined) this.tell(note.heir.peer, { ...note.record, epoch: note.heir.epoch })
      if (note.kind === 'fenced' && !outcome.forget) this.fenced.add(`${note.to} ${note.record.key.handoff}`)
    }
    return true
  }

  tell(peer: string, { key, epoch }: HandoffRecord): void {
    const epochs = this.told.get(key.handoff) ?? new Map<number, string>()
    this.told.set(key.handoff, epochs)
    assert.is(epochs.get(epoch) ?? peer, peer, `epoch ${epoch} of ${key.handoff} was given to two peers`)
    epochs.set(epoch, peer)
    assert.is(Math.max(...epochs.keys()), epoch, 'an epoch was told after a higher one')
    this.fenced.delete(`${peer} ${key.handoff}`)
  }

  /** One request as a session makes it; answers what the peer is told, or undefined if it is told of a failure. */
  ask(request: () => Request): Answer | undefined {
    try {
      const { outcome, record, peer } = request()
      if (outcome !== undefined && !this.carryOut(outcome)) return undefined
      if (record === undefined) return 'done'
      this.tell(peer, record)
      return { epoch: record.epoch, handoff: record.key.handoff }
    } catch (thrown) {
      if (!(thrown instanceof HeirloomError)) throw thrown
      return { refused: thrown.code }
    }
  }

  check(): void {
    for (const { handoff, pool: of } of handoffs) {
      const record = this.rendezvous.find({ pool: of, handoff })
      const valid = [...(this.told.get(handoff) ?? [])].filter(([epoch, peer]) =>
        this.rendezvous.isHeir({ pool: of, handoff }, peer, epoch),
      )
      assert.ok(valid.length <= 1, 'two heirs are valid')
      const highestTold = Math.max(0, ...(this.told.get(handoff)?.keys() ?? []))
      if (record !== undefined) assert.ok(record.epoch >= highestTold, 'the relay has forgotten an epoch that it told')
    }
    for (const peer of peers) {
      const held = this.rendezvous.records().filter(({ heir, finished }) => heir === peer && !finished)
      // A claim that was lost with a failed save gives back to its heir, after a restart, what it had left for another handoff.
      assert.ok(held.length <= 1 || this.hasFailed, `${peer} has two assignments`)
      for (const { predecessor } of held) assert.is.not(predecessor, peer)
    }
  }
}

const peer = fc.constantFrom(...peers)
const handoff = fc.constantFrom(...handoffs)

/** One thing that happens, with the name under which a failing sequence shows it. */
class Step {
  readonly name: string
  readonly run: (world: World) => void

  constructor(name: string, run: (world: World) => void) {
    this.name = name
    this.run = run
  }

  [fc.toStringMethod](): string {
    return this.name
  }
}

/** A verb of a linked peer, made twice: the second answer must be that of the first. */
function verb(name: string, by: string, request: (world: World) => Omit<Request, 'peer'>): Step {
  return new Step(`${by} ${name}`, (world) => {
    if (!world.presence.isLinked(by)) world.presence.linkOpened(by, { addresses: [], pool })
    world.presence.heard(by)
    const first = world.ask(() => ({ peer: by, ...request(world) }))
    const again = world.ask(() => ({ peer: by, ...request(world) }))
    if (first !== undefined && again !== undefined) assert.equal(again, first)
  })
}

const offers = handoff.map((key) => {
  // Each handoff has one predecessor, as its header says.
  const by = peers[Number(key.handoff[0]) % peers.length]!
  const offering = { header: new Uint8Array([1]), keepMs: keepMsMax }
  return verb(`offers ${key.handoff[0]}`, by, ({ rendezvous, clock }) => rendezvous.offer(by, key, { ...offering, nowMs: clock.nowMs() }))
})

const waits = peer.map((by) =>
  verb('waits', by, ({ rendezvous }) => {
    const claimed = rendezvous.wait(by, pool)
    return { outcome: claimed?.outcome, record: claimed?.assignment.record }
  }),
)

const claims = fc.tuple(peer, handoff, fc.nat({ max: 4 })).map(([by, key, epoch]) =>
  verb(`claims ${key.handoff[0]} with ${epoch}`, by, ({ rendezvous, fenced }) => {
    const wasFenced = fenced.has(`${by} ${key.handoff}`)
    const { assignment, outcome } = rendezvous.claim(by, key, { epoch })
    assert.ok(epoch === 0 || !wasFenced, 'a fenced heir took its old epoch up again')
    return { outcome, record: assignment.record }
  }),
)

const finishes = fc.tuple(peer, handoff, fc.integer({ min: 1, max: 4 }), fc.boolean()).map(([by, key, epoch, released]) =>
  verb(`${released ? 'releases' : 'finishes'} ${key.handoff[0]} with ${epoch}`, by, ({ rendezvous, clock, fenced }) => {
    const wasFenced = fenced.has(`${by} ${key.handoff}`)
    const outcome = rendezvous.finish(by, key, { epoch, released, nowMs: clock.nowMs() })
    assert.ok(released || epoch === rendezvous.find(key)?.epoch, 'a finish with an old epoch was taken')
    assert.ok(!wasFenced || (released && outcome.notes.length === 0), "a fenced heir's finish was taken")
    return { outcome }
  }),
)

const passes = fc.integer({ min: 1, max: leaseMs + 1 }).map(
  (ms) =>
    new Step(`${ms} ms pass`, (world) => {
      world.clock.advance(ms)
      for (const outcome of world.rendezvous.tick(world.clock.nowMs())) world.carryOut(outcome)
      world.presence.sweep()
    }),
)

const steps = fc.oneof(
  { weight: 3, arbitrary: offers },
  { weight: 4, arbitrary: waits },
  { weight: 3, arbitrary: claims },
  { weight: 2, arbitrary: finishes },
  { weight: 4, arbitrary: passes },
  { weight: 1, arbitrary: peer.map((by) => new Step(`${by} leaves`, ({ rendezvous }) => rendezvous.leave(by))) },
  { weight: 2, arbitrary: peer.map((by) => new Step(`${by} loses its link`, ({ presence }) => presence.linkClosed(by))) },
  { weight: 2, arbitrary: peer.map((by) => new Step(`${by} speaks`, ({ presence }) => presence.heard(by))) },
  { weight: 1, arbitrary: fc.constant(new Step('the relay restarts', (world) => world.restart())) },
  {
    weight: 1,
    arbitrary: fc.boolean().map((fails) => new Step(`the disk ${fails ? 'fails' : 'works'}`, (world) => void (world.diskFails = fails))),
  },
)

test('never two valid heirs, epochs only grow, repeats get the same answer, a fenced heir is refused', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 80, size: 'max' }), (sequence) => {
      const world = new World()
      for (const step of sequence) {
        step.run(world)
        world.check()
      }
    }),
    { numRuns: 1000, includeErrorInReport: true },
  )
})

test.run()
