// A model of one handoff over two relays that explores every order in which its messages can come: the relays are the production state machines, the
// predecessor and two heirs are what PROTOCOL.md ("Several relays") says of them. Breadth first, each state once.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { ForeignClaim } from '../../relay/claim-order.ts'
import type { Outcome } from '../../relay/outcome.ts'
import { Presence } from '../../relay/presence.ts'
import { Rendezvous } from '../../relay/rendezvous.ts'
import type { HandoffKey } from '../../relay/store/store.ts'
import { HeirloomError } from '../../src/errors.ts'
import { createIdentity, peerBytes } from '../../src/seal/identity.ts'
import { relayRank } from '../../src/seal/relay-rank.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('one heir, every order')

const pool = 'a1'.repeat(32)
const key: HandoffKey = { pool, handoff: '1'.repeat(32) }
const leaseMs = 10_000
/** The one that comes first in the pool's order comes first here. */
const relayIds = [createIdentity().peerId, createIdentity().peerId].sort((a, b) => Buffer.compare(rankOf(b), rankOf(a)))
const heirNames = ['x', 'y'] as const

/** So many messages after one another: enough for two heirs to be given the handoff, one to be lost and given it anew, and both to hear of it. */
const depthMax = 10

function rankOf(relay: string): Uint8Array {
  return relayRank(peerBytes(relay), Buffer.from(pool, 'hex'))
}

/** As PROTOCOL.md has it. */
function isHigher(one: ForeignClaim, other: ForeignClaim): boolean {
  return one.epoch > other.epoch || (one.epoch === other.epoch && relayIds.indexOf(one.assignedBy) < relayIds.indexOf(other.assignedBy))
}

/** An heir as it knows itself. */
interface Heir {
  claim: ForeignClaim | undefined
  isOver: boolean
}

class World {
  readonly clock = new ManualClock(1_000_000)
  readonly presences = relayIds.map(() => new Presence(this.clock, leaseMs))
  readonly relays = relayIds.map((self, at) => new Rendezvous({ self, records: [], presence: this.presences[at]!, hasPacks: () => true }))
  readonly heirs = { x: { claim: undefined, isOver: false } as Heir, y: { claim: undefined, isOver: false } as Heir }
  /** The highest claim that the predecessor has heard of. */
  heard: ForeignClaim | undefined
  /** All claims that were given, by epoch and relay. */
  readonly given = new Map<string, ForeignClaim>()
  readonly #highest: (ForeignClaim | undefined)[] = [undefined, undefined]

  constructor() {
    for (const presence of this.presences) for (const peer of ['p', ...heirNames]) presence.linkOpened(peer, { addresses: [], pool })
  }

  /** What can happen next, by name. */
  actions(): string[] {
    const perRelay = [0, 1].flatMap((at) => [
      `offer ${at}`,
      ...heirNames.flatMap((heir) => {
        const { claim, isOver } = this.heirs[heir]
        if (isOver) return []
        return claim === undefined ? [`wait ${heir} ${at}`] : [`claim ${heir} ${at}`, `finish ${heir} ${at}`]
      }),
      ...heirNames.filter((heir) => this.presences[at]!.isPresent(heir)).map((heir) => `lose ${heir} ${at}`),
    ])
    return perRelay
  }

  run(action: string): void {
    const [verb, ...rest] = action.split(' ')
    const at = Number(rest.at(-1))
    const heir = rest[0] as 'x' | 'y'
    try {
      if (verb === 'offer') this.#offer(at)
      else if (verb === 'wait') this.#take(heir, at, this.relays[at]!.wait(heir, pool))
      else if (verb === 'claim') this.claim(heir, at)
      else if (verb === 'finish') this.#finish(heir, at)
      else this.#lose(heir, at)
    } catch (thrown) {
      assert.instance(thrown, HeirloomError, String(thrown))
    }
    this.#check(at)
  }

  #offer(at: number): void {
    const claimed = this.heard?.assignedBy === relayIds[at] ? undefined : this.heard
    const offering = { header: new Uint8Array([1]), keepMs: 600_000, nowMs: this.clock.nowMs(), claimed }
    const { heir, outcome } = this.relays[at]!.offer('p', key, offering)
    this.#tell(at, outcome)
    if (heir !== undefined) this.heard = { heir: heir.peer, epoch: heir.epoch, assignedBy: heir.assignedBy ?? relayIds[at]! }
  }

  #take(name: 'x' | 'y', at: number, answer: ReturnType<Rendezvous['wait']>): void {
    if (answer === undefined) return
    const { epoch, assignedBy = relayIds[at]! } = answer.assignment.record
    this.#assigned(name, { heir: name, epoch, assignedBy })
    this.#tell(at, answer.outcome)
  }

  #assigned(name: 'x' | 'y', claim: ForeignClaim): void {
    const heir = this.heirs[name]
    this.given.set(`${claim.epoch} ${claim.assignedBy}`, claim)
    if (!heir.isOver) heir.claim ??= claim
  }

  /** Notifications arrive: one that is lost is as if its peer were not there. */
  #tell(at: number, { notes }: Outcome): void {
    const isFenced = ({ kind }: (typeof notes)[number]) => Number(kind === 'fenced')
    for (const note of notes.toSorted((a, b) => isFenced(a) - isFenced(b))) {
      if (note.to === 'p') {
        if (note.kind === 'heir-changed' && note.heir !== undefined)
          this.heard = { heir: note.heir.peer, epoch: note.heir.epoch, assignedBy: note.heir.assignedBy ?? relayIds[at]! }
      } else if (note.kind === 'assigned') {
        const { epoch, assignedBy = relayIds[at]! } = note.assignment.record
        this.#assigned(note.to as 'x', { heir: note.to, epoch, assignedBy })
      } else this.#fence(note.to as 'x')
    }
  }

  claim(name: 'x' | 'y', at: number): void {
    const heir = this.heirs[name]
    if (heir.claim === undefined || heir.isOver) return
    this.presences[at]!.heard(name)
    try {
      this.#tell(at, this.relays[at]!.claim(name, key, heir.claim).outcome)
    } catch (thrown) {
      if (thrown instanceof HeirloomError && thrown.code === 'fenced') this.#fence(name)
    }
  }

  /** Somebody else must be the heir, or have been. */
  #fence(name: 'x' | 'y'): void {
    const heir = this.heirs[name]
    if (heir.claim === undefined || heir.isOver) return
    heir.isOver = true
    const isOthers = this.relays.some((relay) => relay.find(key)?.finished === true)
    const { claim } = heir
    if (!isOthers)
      assert.ok(
        this.given.values().some((each) => isHigher(each, claim)),
        `${name} is stopped, and no claim stands above its own`,
      )
  }

  #finish(name: 'x' | 'y', at: number): void {
    const { epoch } = this.heirs[name].claim!
    this.#tell(at, this.relays[at]!.finish(name, key, { epoch, released: false, nowMs: this.clock.nowMs() }))
    this.heirs[name].isOver = true
  }

  /** Its lease at this relay runs out; everybody else is heard. */
  #lose(name: 'x' | 'y', at: number): void {
    this.clock.advance(leaseMs + 1)
    for (const [index, presence] of this.presences.entries())
      for (const peer of ['p', ...heirNames]) if (peer !== name || index !== at) presence.heard(peer)
    for (const outcome of this.relays[at]!.tick(this.clock.nowMs())) this.#tell(at, outcome)
  }

  /** Claims only rise, and the same claim is one heir's. */
  #check(at: number): void {
    const record = this.relays[at]!.find(key)
    if (record?.heir === undefined) return
    const claim = { heir: record.heir, epoch: record.epoch, assignedBy: record.assignedBy ?? relayIds[at]! }
    const before = this.#highest[at]
    if (before !== undefined) assert.not(isHigher(before, claim), 'a claim that is known is not given up for a lower one')
    this.#highest[at] = claim
    const stamp = `${claim.epoch} ${claim.assignedBy}`
    assert.is(this.given.get(stamp)?.heir ?? claim.heir, claim.heir, `${stamp} has one heir`)
    this.given.set(stamp, claim)
  }

  /** Whatever has happened: when everybody hears everybody, one heir is left. */
  checkPeace(path: readonly string[]): void {
    for (let round = 0; round < 3; round++) {
      for (const at of [0, 1]) {
        this.run(`offer ${at}`)
        for (const heir of heirNames) this.claim(heir, at)
      }
    }
    const live = heirNames.filter((heir) => this.heirs[heir].claim !== undefined && !this.heirs[heir].isOver)
    assert.ok(live.length <= 1, `two heirs are left after ${path.join(', ')}`)
  }

  /** What tells two states apart. */
  get state(): string {
    const records = this.relays.map((relay, at) => {
      const { heir, epoch, assignedBy, finished } = relay.find(key) ?? {}
      return [heir, epoch, assignedBy, finished, heirNames.map((name) => this.presences[at]!.isPresent(name))]
    })
    return JSON.stringify([
      records,
      this.heirs,
      this.heard,
      this.relays.map((relay) => heirNames.map((name) => relay.waitingIn(pool, {}).indexOf(name))),
    ])
  }
}

test("over two relays, whatever comes in whatever order: claims rise, a claim is one heir's, and who can hear of the other stops", () => {
  const seen = new Set<string>()
  let frontier: string[][] = [[]]
  for (let depth = 0; depth <= depthMax && frontier.length > 0; depth++) {
    const next: string[][] = []
    for (const path of frontier) {
      const world = replayed(path)
      if (seen.has(world.state)) continue
      seen.add(world.state)
      for (const action of world.actions()) next.push([...path, action])
      world.checkPeace(path)
    }
    frontier = next
  }
  assert.ok(seen.size > 1000, `${seen.size} states were seen`)
})

function replayed(path: readonly string[]): World {
  const world = new World()
  for (const action of path) world.run(action)
  return world
}

test.run()
