// What notices lead to: one handoff, however many come; nothing for a hint; leave for the cloud when it is over, and not before.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Lookout } from '../../peer/lookout.ts'
import { NoticeQueue } from '../../peer/notice/notice-queue.ts'
import type { Notice } from '../../peer/notice/notice.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { startMs, type Told } from '../cloud/watching.ts'

const test = suite('lookout')

class Scene {
  readonly clock = new ManualClock(startMs)
  readonly told: Told[] = []
  readonly handoffs: { reason: string; deadlineMs: number }[] = []
  readonly moves: number[] = []
  readonly gone = new AbortController()
  ended = false
  sourcesOpen = 2
  readonly #queues = [new NoticeQueue(), new NoticeQueue()]
  readonly lookout: Lookout
  readonly watching: Promise<void>
  readonly #on: Readonly<Record<string, string>>

  constructor(on: Readonly<Record<string, string>> = {}) {
    this.#on = { rebalance: 'preship', preempt: 'handoff', terminate: 'handoff', ...on }
    const sources = this.#queues.map((queue) => ({
      kind: 'test',
      watch: ({ signal }: { signal: AbortSignal }) => this.#drain(queue, signal),
    }))
    this.lookout = new Lookout({
      sources,
      clock: this.clock,
      tell: (event, fields) => void this.told.push({ event, ...fields }),
      decide: (notice) => this.#decide(notice),
      end: () => (this.ended = true),
      moved: (endsMs) => void this.moves.push(endsMs),
    })
    this.watching = this.lookout.watch({ signal: this.gone.signal })
  }

  /** As the policy would, in its short form. */
  #decide({ kind, reason, deadlineMs, id }: Notice): void {
    const reaction = this.#on[kind]
    if (reaction !== 'handoff') return void this.told.push({ event: 'notice-ignored', reaction })
    void this.lookout.handOff(
      { kind, deadlineMs, ...(id !== undefined && { id }) },
      async () => void this.handoffs.push({ reason, deadlineMs }),
    )
  }

  async give(notice: Partial<Notice>, source = 0): Promise<void> {
    this.#queues[source]!.push({ kind: 'preempt', reason: 'a test', deadlineMs: 60_000, ...notice })
    await this.settled()
  }

  async settled(): Promise<void> {
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
  }

  events(): string[] {
    return this.told.map(({ event }) => event)
  }

  async end(): Promise<void> {
    this.gone.abort()
    await this.watching
    assert.is(this.clock.waiting, 0, 'a timer is left')
    assert.is(this.sourcesOpen, 0)
  }

  async *#drain(queue: NoticeQueue, signal: AbortSignal): AsyncGenerator<Notice> {
    yield* queue.drain(signal)
    this.sourcesOpen--
  }
}

test('two notices lead to one handoff, and a sooner one is told as such', async () => {
  const scene = new Scene()
  await scene.give({ id: 'spot', reason: 'the cloud', deadlineMs: 120_000 })
  await scene.give({ id: 'spot', reason: 'the same, moved', deadlineMs: 300_000 })
  await scene.give({ kind: 'terminate', reason: 'SIGTERM', deadlineMs: 25_000 }, 1)
  await scene.give({ kind: 'terminate', reason: 'SIGTERM again', deadlineMs: 25_000 }, 1)
  assert.equal(scene.handoffs[0], { reason: 'the cloud', deadlineMs: 120_000 })
  assert.equal(
    scene.told.map(({ event, change }) => `${event} ${String(change)}`),
    ['notice-again later', 'notice-again sooner', 'notice-again none'],
  )
  await scene.end()
})

test('a handoff under way has until the soonest end that stands, as it is moved, cut short and withdrawn', async () => {
  const scene = new Scene()
  await scene.give({ id: 'spot', deadlineMs: 120_000 })
  scene.clock.advance(10_000)
  await scene.give({ id: 'spot', deadlineMs: 39_000 })
  assert.equal(scene.moves, [49_000], 'cut short')
  await scene.give({ id: 'reboot', kind: 'terminate', deadlineMs: 300_000 }, 1)
  assert.equal(scene.moves, [49_000], 'a later end beside it changes nothing')
  await scene.give({ id: 'spot', deadlineMs: 80_000 })
  assert.equal(scene.moves, [49_000, 90_000], 'moved')
  await scene.give({ id: 'spot', withdrawn: true })
  assert.equal(scene.moves, [49_000, 90_000, 310_000], 'the one that is left holds')
  await scene.give({ id: 'reboot', kind: 'terminate', withdrawn: true }, 1)
  assert.equal(scene.moves, [49_000, 90_000, 310_000], 'without any the handoff goes on to the end it had')
  scene.lookout.begin({ kind: 'an operator', deadlineMs: 5_000 })
  assert.equal(scene.moves.at(-1), 15_000)
  assert.equal(
    scene.told.flatMap(({ change }) => change ?? []),
    ['sooner', 'none', 'later', 'later', 'none'],
  )
  await scene.end()
})

test('only a cloud that names its notice gives more time: a second signal does not', async () => {
  const scene = new Scene()
  await scene.give({ kind: 'terminate', reason: 'SIGTERM', deadlineMs: 25_000 })
  scene.clock.advance(20_000)
  await scene.give({ kind: 'terminate', reason: 'SIGTERM', deadlineMs: 25_000 })
  assert.equal(scene.moves, [])
  assert.is(scene.told.at(-1)!['change'], 'none')
  await scene.end()
})

test('a hint hands nothing off, and neither does what the policy ignores', async () => {
  const scene = new Scene({ terminate: 'ignore' })
  await scene.give({ kind: 'rebalance' })
  await scene.give({ kind: 'terminate' })
  assert.equal(scene.handoffs, [])
  assert.equal(
    scene.told.map(({ event, reaction }) => `${event} ${String(reaction)}`),
    ['notice-ignored preship', 'notice-ignored ignore'],
  )
  assert.not.ok(scene.ended)
  await scene.give({ kind: 'preempt' })
  assert.is(scene.handoffs.length, 1, 'and the certain one after it does')
  await scene.end()
})

test('what is taken back before a handoff is told; after its beginning, too, and it goes on', async () => {
  const scene = new Scene()
  await scene.give({ kind: 'rebalance', id: 'a' })
  await scene.give({ kind: 'rebalance', id: 'a', withdrawn: true })
  assert.equal(scene.told.at(-1), {
    event: 'notice-withdrawn',
    kind: 'rebalance',
    reason: 'a test',
    handoff: 'none',
    change: 'none',
  })
  await scene.give({ id: 'b' })
  await scene.give({ id: 'b', withdrawn: true })
  assert.is(scene.told.at(-1)!['handoff'], 'begun')
  assert.is(scene.handoffs.length, 1)
  await scene.end()
})

test('a restart of the agent alone ends it without a handoff', async () => {
  const scene = new Scene()
  await scene.give({ kind: 'restart', reason: 'systemd' })
  assert.ok(scene.ended)
  assert.equal(scene.handoffs, [])
  assert.equal(scene.events(), ['restart'])
  await scene.end()
})

test('leave is given once for each notice when the handoff is over, and not before', async () => {
  const scene = new Scene()
  let given = 0
  const acknowledge = async () => void given++
  await scene.give({ id: 'a', deadlineMs: 60_000, acknowledge })
  await scene.give({ id: 'a', deadlineMs: 30_000, acknowledge })
  await scene.give({ id: 'b', kind: 'terminate' }, 1)
  assert.is(given, 0)
  await scene.lookout.acknowledge()
  assert.is(given, 1)
  assert.is(scene.told.filter(({ event }) => event === 'notice-acknowledged').length, 1)
  await scene.lookout.acknowledge()
  assert.is(given, 1)
  await scene.end()
})

test('leave is not given for what was taken back, nor for a hint', async () => {
  let given = 0
  const acknowledge = async () => void given++
  const scene = new Scene()
  await scene.give({ id: 'a', acknowledge })
  await scene.give({ id: 'a', withdrawn: true })
  await scene.give({ id: 'b', kind: 'rebalance', acknowledge })
  await scene.lookout.acknowledge()
  assert.is(given, 0)
  await scene.end()
})

test('leave that the cloud does not take is tried again, and given up in time', async () => {
  const scene = new Scene()
  let tries = 0
  const acknowledge = async () => {
    tries++
    throw new Error('status 500')
  }
  await scene.give({ id: 'a', acknowledge })
  const acknowledging = scene.lookout.acknowledge()
  await scene.settled()
  for (let step = 0; step < 10; step++) {
    scene.clock.advance(250)
    await scene.settled()
  }
  await acknowledging
  assert.ok(tries > 2 && tries < 20, `${tries} tries`)
  assert.match(String(scene.told.at(-1)!['message']), 'could not be acknowledged: status 500')
  await scene.end()
})

test('a source that fails is told, and the others go on', async () => {
  const told: Told[] = []
  const gone = new AbortController()
  const queue = new NoticeQueue()
  let handoffs = 0
  const broken = { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('broken')) }) }
  const watching = new Lookout({
    sources: [
      { kind: 'bad', watch: () => broken },
      { kind: 'good', watch: ({ signal }) => queue.drain(signal) },
    ],
    clock: new ManualClock(startMs),
    tell: (event, fields) => void told.push({ event, ...fields }),
    decide: () => void handoffs++,
    end: () => {},
    moved: () => {},
  }).watch({ signal: gone.signal })
  queue.push({ kind: 'preempt', reason: 'x', deadlineMs: 1 })
  await new Promise((resolve) => setImmediate(resolve))
  gone.abort()
  await watching
  assert.match(String(told[0]!['message']), 'notice bad: broken')
  assert.is(handoffs, 1)
})
test.run()
