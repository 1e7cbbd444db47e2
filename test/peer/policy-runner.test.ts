// The policy of an agent in motion: notices in, actions out, with a clock that the test moves.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import { HeirloomError } from '../../src/errors.ts'
import { machineSchema } from '../../src/plan/policy-machine-schema.ts'
import type { PolicyAction } from '../../src/plan/policy-machine.ts'
import { PolicyRunner, type Occasion } from '../../peer/policy-runner.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('policy of an agent')

interface Done {
  readonly action: PolicyAction
  readonly occasion: Occasion
  readonly end: (error?: Error) => Promise<void>
}

function open(yaml: string, zone?: string) {
  const clock = new ManualClock(0)
  const done: Done[] = []
  const states: string[] = []
  const runner = new PolicyRunner({
    policy: { machine: machineSchema.parse(parse(yaml)), context: zone === undefined ? {} : { zone } },
    clock,
    perform(action, occasion) {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const end = async (error?: Error) => {
        if (error === undefined) resolve()
        else reject(error)
        await promise.catch(() => {})
        await Promise.resolve()
      }
      done.push({ action, occasion, end })
      return promise
    },
    onState: (state) => states.push(state),
  })
  runner.start()
  const kinds = () => done.map(({ action }) => action.kind)
  return { clock, runner, done, states, kinds }
}

test('a hint that holds leads to a handoff, with what is left of its time; the end of the handoff is an event', async () => {
  const { clock, runner, done, states } = open(`
    initial: calm
    states:
      calm: { transitions: [{ when: rebalance, delay: 20s, to: going }] }
      going: { entry: [{ handoff: { sources: [sessions] } }], transitions: [{ when: handed-off, to: gone }] }
      gone: { final: true }`)
  runner.notice({ kind: 'rebalance', reason: 'a hint', deadlineMs: 120_000 })
  assert.equal(done, [])
  clock.advance(20_000)
  assert.equal(done[0]!.action, { kind: 'handoff', sources: ['sessions'] })
  assert.equal(done[0]!.occasion, { kind: 'rebalance', reason: 'a hint', deadlineMs: 100_000 })
  await done[0]!.end()
  assert.equal(states, ['calm', 'going', 'gone'])
  runner[Symbol.dispose]()
  assert.is(clock.waiting, 0, 'nothing is left behind')
})

test('where the VM is decides whether anything goes', () => {
  const yaml = `
    initial: calm
    states:
      calm: { final: true, transitions: [{ when: { all: [preempt, { factor: zone, is: eu-1a }] }, do: [handoff] }] }`
  for (const [zone, kinds] of [
    ['eu-1a', ['handoff']],
    ['us-2b', []],
  ] as const) {
    const scene = open(yaml, zone)
    scene.runner.notice({ kind: 'preempt', reason: '', deadlineMs: 1000 })
    assert.equal(scene.kinds(), kinds)
    scene.runner[Symbol.dispose]()
  }
})

test('an action that fails leads where the policy says', async () => {
  const { clock, runner, done, states, kinds } = open(`
    initial: calm
    states:
      calm: { transitions: [{ when: preempt, to: going }] }
      going: { entry: [handoff], error: { to: again }, final: true }
      again: { transitions: [{ after: 1s, to: going }] }`)
  runner.notice({ kind: 'preempt', reason: '', deadlineMs: 30_000 })
  await done[0]!.end(new HeirloomError('no-relay', 'none answers'))
  clock.advance(1000)
  assert.equal(kinds(), ['handoff', 'handoff'])
  assert.equal(states, ['calm', 'going', 'again', 'going'])
  runner[Symbol.dispose]()
  await done[1]!.end()
})

test('an instance that is held warm is released after its hold time', () => {
  const { clock, runner, kinds } = open(`
    initial: held
    states:
      held: { hold: 15m, transitions: [{ after: 15m, to: released }, { when: preempt, to: going, urgent: true }] }
      going: { entry: [handoff], final: true }
      released: { entry: [release], final: true }`)
  for (let minutes = 0; minutes < 14; minutes++) clock.advance(60_000)
  assert.equal(kinds(), [])
  clock.advance(60_000)
  assert.equal(kinds(), ['release'])
  runner[Symbol.dispose]()
})

test.run()
