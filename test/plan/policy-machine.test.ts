// The policy as a state machine: what it does on which events and when, and what is found wrong with one before it runs.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import type { PolicyContext } from '../../src/plan/policy-condition.ts'
import { checkMachine } from '../../src/plan/policy-machine-check.ts'
import { machineSchema, writtenMachine } from '../../src/plan/policy-machine-schema.ts'
import { PolicyMachine, type MachineDefinition, type Step } from '../../src/plan/policy-machine.ts'
import { expandReactions } from '../../src/plan/policy.ts'
import { rankSuccessors } from '../../src/plan/rank-successors.ts'

const test = suite('policy machine')

const read = (yaml: string): MachineDefinition => machineSchema.parse(parse(yaml))

/** A machine that is told things at set times; answers what it did, as words. */
function run(yaml: string, context: PolicyContext = {}) {
  const machine = new PolicyMachine(read(yaml))
  const words = ({ actions }: Step) => actions.map(({ kind }) => kind).join(' ')
  const started = words(machine.start(0, context))
  return {
    machine,
    started,
    send: (event: string, atMs = 0, now = context) => words(machine.send(event, atMs, now)),
    tick: (atMs: number, now = context) => words(machine.tick(atMs, now)),
    fail: (atMs = 0) => words(machine.failed(atMs, context)),
  }
}

test('states lie within states: actions are done on the way out and on the way in, and inner states answer first', () => {
  const { machine, send, started } = run(`
    initial: up
    states:
      up:
        entry: [ignore]
        exit: [release]
        initial: calm
        transitions: [{ when: preempt, to: going }, { when: ready, do: [release] }]
        states:
          calm:
            exit: [preship]
            transitions: [{ when: rebalance, to: wary }]
          wary:
            transitions: [{ when: ready, do: [ignore] }]
      going: { entry: [handoff], final: true }`)
  assert.is(started, 'ignore')
  assert.is(machine.state, 'calm')
  assert.is(send('ready'), 'release', 'what no inner state answers goes to the outer one')
  assert.is(send('rebalance'), 'preship')
  assert.is(machine.state, 'wary')
  assert.is(send('ready'), 'ignore', 'the inner answer stands in place of the outer one')
  assert.is(send('preempt'), 'release handoff')
  assert.is(machine.state, 'going')
})

test('events are gated by all and any, in whatever order they come', () => {
  const yaml = `
    initial: a
    states:
      a: { transitions: [{ when: { all: [rebalance, { any: [ready, inherited] }] }, to: b }] }
      b: { final: true }`
  const one = run(yaml)
  one.send('rebalance')
  assert.is(one.machine.state, 'a')
  one.send('inherited')
  assert.is(one.machine.state, 'b')
  const other = run(yaml)
  other.send('ready')
  other.send('ready')
  assert.is(other.machine.state, 'a')
  other.send('rebalance')
  assert.is(other.machine.state, 'b')
})

test('an event that does not lead away is answered each time it comes', () => {
  const { send } = run('{ initial: a, states: { a: { final: true, transitions: [{ when: rebalance, do: [preship] }] } } }')
  assert.equal([send('rebalance'), send('ready'), send('rebalance')], ['preship', '', 'preship'])
})

test('a delay counts from when the condition holds, and starts anew when it ceased to', () => {
  const { machine, tick } = run(`
    initial: a
    states:
      a: { transitions: [{ when: { factor: load, below: 0.5 }, delay: 10s, to: b }] }
      b: { final: true }`)
  tick(1000, { load: 0.1 })
  assert.is(machine.dueMs(1000), 11_000)
  tick(8000, { load: 0.9 })
  tick(9000, { load: 0.1 })
  tick(11_000, { load: 0.1 })
  assert.is(machine.state, 'a')
  tick(19_000, { load: 0.1 })
  assert.is(machine.state, 'b')
})

test('a time-out leads away when nothing has come, and says when it is due', () => {
  const { machine, tick } = run(`
    initial: a
    states:
      a: { transitions: [{ after: 15m, to: b, do: [release] }] }
      b: { final: true }`)
  assert.is(machine.dueMs(0), 900_000)
  assert.is(tick(899_999), '')
  assert.is(tick(900_000), 'release')
  assert.is(machine.dueMs(900_000), undefined)
})

test('a hold time keeps a state, and what came meanwhile happens at its end; what is urgent does not wait', () => {
  const yaml = `
    initial: warm
    states:
      warm:
        hold: 60s
        transitions: [{ when: rebalance, to: hinted }, { when: preempt, to: going, urgent: true }]
      hinted: { final: true }
      going: { entry: [handoff], final: true }`
  const held = run(yaml)
  held.send('rebalance', 10_000)
  assert.is(held.machine.state, 'warm')
  assert.is(held.machine.dueMs(10_000), 60_000)
  held.tick(60_000)
  assert.is(held.machine.state, 'hinted')
  const urgent = run(yaml)
  assert.is(urgent.send('preempt', 10_000), 'handoff')
})

test('an action that fails takes the error transition of the innermost state that has one', () => {
  const { machine, send, fail } = run(`
    initial: up
    states:
      up:
        initial: calm
        error: { to: retrying, do: [ignore] }
        transitions: [{ when: preempt, to: going }]
        states: { calm: {} }
      going: { entry: [handoff], error: { to: up } , final: true }
      retrying: { transitions: [{ after: 5s, to: up }] }`)
  send('preempt')
  assert.is(fail(), '')
  assert.is(machine.state, 'calm')
  assert.is(fail(), 'ignore')
  assert.is(machine.state, 'retrying')
  assert.is(fail(), '', 'where nothing is said of errors nothing happens')
})

test('conditions ask for time of day, load, zone, price, network and the notice; what is not known is not met', () => {
  const met = (condition: string, context: PolicyContext) => {
    const { machine } = run(`{ initial: a, states: { a: { transitions: [{ when: ${condition}, to: b }] }, b: { final: true } } }`, context)
    return machine.state === 'b'
  }
  const night = "{ factor: time, between: ['22:00', '06:00'] }"
  assert.equal(
    [23, 5, 12].map((hour) => met(night, { time: 60 * hour })),
    [true, true, false],
  )
  assert.equal(
    [0.9, 0.5, 0.1].map((load) => met('{ factor: load, above: 0.2, below: 0.8 }', { load })),
    [false, true, false],
  )
  assert.ok(met('{ factor: zone, in: [eu-1a, eu-1b] }', { zone: 'eu-1b' }))
  assert.ok(met('{ not: { factor: network, is: metered } }', { network: '10G' }))
  assert.ok(met('{ factor: notice, above: 30s }', { notice: 60_000 }))
  assert.not(met('{ factor: price, below: 5 }', {}))
})

test('a circle of transitions without events ends', () => {
  const { machine } = run('{ initial: a, states: { a: { transitions: [{ to: b }] }, b: { transitions: [{ to: a }] } } }')
  assert.ok(['a', 'b'].includes(machine.state))
})

test('the short form expands to a machine that does what it says', () => {
  const definition = expandReactions({ rebalance: 'preship', preempt: 'handoff', terminate: 'ignore' })
  assert.equal(checkMachine(definition, []), [])
  const machine = new PolicyMachine(definition)
  machine.start(0, {})
  const kinds = (event: string) => machine.send(event, 0, {}).actions.map(({ kind }) => kind)
  assert.equal([kinds('rebalance'), kinds('terminate'), kinds('preempt')], [['preship'], ['ignore'], ['handoff']])
  kinds('handed-off')
  assert.is(machine.state, 'gone')
  const idle = expandReactions({ rebalance: 'ignore', preempt: 'preship', terminate: 'ignore' })
  assert.equal(checkMachine(idle, []), [])
})

test('a machine is written as it was read', () => {
  const written = {
    initial: 'up',
    states: {
      up: {
        hold: '1m',
        transitions: [
          { when: { all: ['rebalance', { not: { factor: 'load', above: 2 } }] }, delay: '5s', to: 'going', urgent: true },
          { after: '10m', do: [{ handoff: { sources: ['a'], lanes: ['store'], max_rate: '5MB/s' } }, { preship: { max_rate: '1MB/s' } }] },
        ],
        error: { to: 'going' },
      },
      going: { entry: ['handoff'], final: true },
    },
  }
  assert.equal(writtenMachine(machineSchema.parse(written)), written)
})

test('what goes ahead is all of the state and goes to the store: there is nothing to choose', () => {
  const written = (preship: object) => machineSchema.safeParse({ initial: 'up', states: { up: { entry: [{ preship }], final: true } } })
  assert.ok(written({ max_rate: '1MB/s' }).success)
  for (const choice of [{ sources: ['a'] }, { lanes: ['store'] }]) assert.match(String(written(choice).error), /known are max_rate/)
})

const findings = (yaml: string) => checkMachine(read(yaml), ['shop', 'models']).map(({ path, message }) => `${path.join('.')}: ${message}`)

test('what no state leads to, what never comes, what leads nowhere and what is misspelt is found', () => {
  assert.equal(
    findings('{ initial: a, states: { a: { transitions: [{ when: preempt, to: c }] }, b: { final: true }, c: { final: true } } }'),
    ["states.b: state b can't be reached"],
  )
  assert.equal(findings('{ initial: a, states: { a: { transitions: [{ when: preemt, to: b }] }, b: { final: true } } }'), [
    'states.a.transitions.0.when: there is no event preemt, did you mean preempt?',
  ])
  assert.equal(findings('{ initial: a, states: { a: { transitions: [{ when: ready, to: b }] }, b: {} } }'), [
    'states.b: state b is a dead end: nothing leaves it. If nothing is to follow, say final: true',
  ])
  assert.equal(findings('{ initial: a, states: { a: { transitions: [{ when: ready, to: gon }] }, gone: { final: true } } }'), [
    'states.a.transitions.0.to: there is no state gon, did you mean gone?',
  ])
  assert.equal(findings('{ initial: a, states: { a: { final: true, entry: [{ handoff: { sources: [shp] } }] } } }'), [
    'states.a.entry.0: there is no source shp, did you mean shop?',
  ])
  assert.equal(findings('{ initial: a, states: { a: { states: { b: { final: true } } }, b: { final: true } } }').length, 2)
})

test('inner states are reached through what they are in, and left through it', () => {
  assert.equal(
    findings(`
      initial: up
      states:
        up:
          initial: calm
          transitions: [{ when: preempt, to: gone }]
          states: { calm: { transitions: [{ when: rebalance, to: wary }] }, wary: {}, never: {} }
        gone: { final: true }`),
    ["states.up.states.never: state never can't be reached"],
  )
})

test('candidates are ranked by what reaches them in time, then by zone, network, load and price', () => {
  const near = { id: 'near', zone: 'a', bytesPerSecond: 100e6, load: 0.2 }
  const far = { id: 'far', zone: 'b', bytesPerSecond: 100e6, load: 0.2 }
  const slow = { id: 'slow', zone: 'a', bytesPerSecond: 1e6, load: 0 }
  const late = { id: 'late', zone: 'a', bytesPerSecond: 100e6, upAfterMs: 60_000 }
  const ids = (more: object = {}) =>
    rankSuccessors([late, slow, far, near], { zone: 'a', bytes: 1e9, leftMs: 30_000, ...more }).map(({ id }) => id)
  assert.equal(ids(), ['near', 'far', 'slow', 'late'])
  assert.equal(ids({ bytes: 1e6, weights: { load: 20 } })[0], 'slow', 'where all get all, the rest decides')
  const [cheapest] = rankSuccessors(
    [
      { id: 'dear', price: 3 },
      { id: 'cheap', price: 1 },
    ],
    { bytes: 1, leftMs: 1 },
  )
  assert.is(cheapest!.id, 'cheap')
})

test.run()
