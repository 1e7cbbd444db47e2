// The mechanisms that the design lists under Zhang, one test each, named after it. The machine itself has its tests in plan/policy-machine.test.ts.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { machineSchema } from '../../src/plan/policy-machine-schema.ts'
import { PolicyMachine } from '../../src/plan/policy-machine.ts'
import { PolicyRunner } from '../../peer/policy-runner.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const test = suite('Zhang')

/** As it stands in a file of JSON. */
const written = `{
  "initial": "up",
  "states": {
    "up": {
      "initial": "calm",
      "transitions": [{ "when": { "any": ["preempt", "terminate"] }, "to": "going", "urgent": true }],
      "states": {
        "calm": { "transitions": [{ "when": { "all": ["rebalance", { "factor": "load", "below": 0.5 }] }, "delay": "10s", "to": "ahead" }] },
        "ahead": {
          "entry": ["preship"], "exit": ["ignore"], "hold": "30s", "error": { "to": "calm" },
          "transitions": [{ "after": "60s", "to": "calm" }]
        }
      }
    },
    "going": { "entry": ["handoff"], "transitions": [{ "when": "handed-off", "to": "gone" }] },
    "gone": { "final": true }
  }
}`

function machine() {
  const started = new PolicyMachine(machineSchema.parse(JSON.parse(written)))
  started.start(0, {})
  return started
}

const quiet = { load: 0.1 }
const kinds = ({ actions }: { actions: readonly { kind: string }[] }) => actions.map(({ kind }) => kind)

test('warm ahead of demand on a prediction: a hint that is believed acts before the VM is reclaimed', () => {
  const policy = machine()
  policy.send('rebalance', 0, quiet)
  assert.equal(kinds(policy.tick(10_000, quiet)), ['preship'])
  assert.equal(kinds(policy.send('preempt', 20_000, quiet)), ['ignore', 'handoff'])
})

test('the policy is a state machine in JSON: states within states, entry and exit actions', () => {
  const policy = machine()
  assert.is(policy.state, 'calm')
  assert.equal(kinds(policy.send('terminate', 1, quiet)), ['handoff'], 'the outer state answers for the inner one')
  policy.send('handed-off', 2, quiet)
  assert.is(policy.state, 'gone')
})

test('events are gated by AND and OR', () => {
  const policy = machine()
  policy.send('rebalance', 0, { load: 0.9 })
  policy.tick(60_000, { load: 0.9 })
  assert.is(policy.state, 'calm', 'the hint alone is not enough')
  policy.tick(60_001, quiet)
  policy.tick(70_001, quiet)
  assert.is(policy.state, 'ahead')
})

test('delays, time-outs and error transitions', () => {
  const policy = machine()
  policy.send('rebalance', 0, quiet)
  assert.is(policy.dueMs(0), 10_000)
  policy.tick(10_000, quiet)
  assert.is(policy.state, 'ahead')
  policy.tick(70_000, quiet)
  assert.is(policy.state, 'calm', 'the time-out')
  policy.send('rebalance', 80_000, quiet)
  policy.tick(90_000, quiet)
  policy.tick(120_000, quiet)
  policy.failed(120_000, quiet)
  assert.is(policy.state, 'calm', 'the error')
})

test('a hold time for each instance, then its release', () => {
  const clock = new ManualClock(0)
  const done: string[] = []
  const definition = {
    initial: 'held',
    states: {
      held: { hold: '5m', transitions: [{ when: 'ready', to: 'released' }] },
      released: { entry: ['release' as const], final: true },
    },
  }
  using runner = new PolicyRunner({
    policy: { machine: machineSchema.parse(definition), context: {} },
    clock,
    perform: ({ kind }) => Promise.resolve(done.push(kind)),
  })
  runner.start()
  runner.tell('ready')
  for (let seconds = 0; seconds < 299; seconds++) clock.advance(1000)
  assert.equal(done, [], 'it is held')
  clock.advance(1000)
  assert.equal(done, ['release'])
})

test.run()
