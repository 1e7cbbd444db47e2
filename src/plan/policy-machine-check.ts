// What is wrong with a policy's state machine, before it runs: states that can't be reached, events that never come, states that can't be left, names
// that don't exist. Each finding says where in the file it is.

import { nearest } from '../config/nearest.ts'
import { eventsOf, type Condition } from './policy-condition.ts'
import type { MachineDefinition, PolicyAction, PolicyState, Transition } from './policy-machine.ts'

/** What an agent tells its policy. Notices come from outside, the others are what came of the agent's own doing. */
export const policyEvents = ['rebalance', 'preempt', 'terminate', 'inherited', 'ready', 'handed-off', 'preshipped', 'failed'] as const
export type PolicyEvent = (typeof policyEvents)[number]

export interface MachineFinding {
  readonly path: readonly (string | number)[]
  readonly message: string
}

interface Found {
  readonly name: string
  readonly state: PolicyState
  readonly path: readonly (string | number)[]
  /** From the outermost state on; without the state itself. */
  readonly outer: readonly Found[]
}

/** Nothing when the machine is sound. `sources` are the names that actions may use. */
export function checkMachine({ initial, states }: MachineDefinition, sources: readonly string[]): MachineFinding[] {
  const all = flatten(states, ['states'], [])
  const byName = new Map(all.map((found) => [found.name, found]))
  const findings: MachineFinding[] = []
  const unknown = (path: MachineFinding['path'], what: string, name: string, known: readonly string[]) => {
    const meant = nearest(name, known)
    const guess = meant === undefined ? `; there are ${known.join(', ')}` : `, did you mean ${meant}?`
    findings.push({ path, message: `there is no ${what} ${name}${guess}` })
  }
  const names = [...byName.keys()]
  if (!Object.hasOwn(states, initial)) unknown(['initial'], 'outermost state', initial, Object.keys(states))
  for (const found of all) {
    const { name, state, path } = found
    if (byName.get(name) !== found) findings.push({ path, message: `there is another state named ${name}` })
    const inner = Object.keys(state.states)
    if (inner.length > 0 && state.initial === undefined)
      findings.push({ path, message: `has inner states, so it needs initial: one of them` })
    if (state.initial !== undefined && !inner.includes(state.initial)) unknown([...path, 'initial'], 'inner state', state.initial, inner)
    for (const { to, at } of targetsOf(state)) if (to !== undefined && !byName.has(to)) unknown([...path, ...at, 'to'], 'state', to, names)
    for (const { when, at } of conditionsOf(state)) {
      for (const event of eventsOf(when)) {
        if (!policyEvents.some((known) => known === event)) unknown([...path, ...at, 'when'], 'event', event, policyEvents)
      }
    }
    for (const { action, at } of actionsOf(state)) {
      for (const source of action.sources ?? []) if (!sources.includes(source)) unknown([...path, ...at], 'source', source, sources)
    }
  }
  // Where names are wrong, what can be reached says little.
  return findings.length > 0 ? findings : [...unreachable(all, byName, initial), ...deadEnds(all)]
}

function flatten(states: MachineDefinition['states'], path: Found['path'], outer: readonly Found[]): Found[] {
  return Object.entries(states).flatMap(([name, state]) => {
    const found: Found = { name, state, path: [...path, name], outer }
    return [found, ...flatten(state.states, [...found.path, 'states'], [...outer, found])]
  })
}

function unreachable(all: readonly Found[], byName: ReadonlyMap<string, Found>, initial: string): MachineFinding[] {
  const reached = new Set<Found>()
  const visit = (found: Found) => {
    for (const state of [...found.outer, found]) {
      if (reached.has(state)) continue
      reached.add(state)
      for (const { to } of targetsOf(state.state)) if (to !== undefined) visit(byName.get(to)!)
    }
    if (found.state.initial !== undefined) visit(byName.get(found.state.initial)!)
  }
  visit(byName.get(initial)!)
  return all.flatMap((found) => (reached.has(found) ? [] : { path: found.path, message: `state ${found.name} can't be reached` }))
}

/** Innermost states that aren't final and that nothing leaves. */
function deadEnds(all: readonly Found[]): MachineFinding[] {
  return all.flatMap((found) => {
    const { name, state, path, outer } = found
    if (state.final || Object.keys(state.states).length > 0) return []
    const leaves = [...outer, found].some((each) => targetsOf(each.state).some(({ to }) => to !== undefined && to !== name))
    return leaves ? [] : { path, message: `state ${name} is a dead end: nothing leaves it. If nothing is to follow, say final: true` }
  })
}

type At = readonly (string | number)[]

function targetsOf({ transitions, error }: PolicyState): { to: string | undefined; at: At }[] {
  const own = transitions.map(({ to }, index) => ({ to, at: ['transitions', index] as At }))
  return error === undefined ? own : [...own, { to: error.to, at: ['error'] }]
}

function conditionsOf({ transitions }: PolicyState): { when: Condition; at: At }[] {
  return transitions.flatMap(({ when }: Transition, index) => (when === undefined ? [] : { when, at: ['transitions', index] }))
}

function actionsOf({ entry, exit, transitions, error }: PolicyState): { action: PolicyAction; at: At }[] {
  const listed = (actions: readonly PolicyAction[], at: At) => actions.map((action, index) => ({ action, at: [...at, index] }))
  return [
    ...listed(entry, ['entry']),
    ...listed(exit, ['exit']),
    ...transitions.flatMap((transition, index) => listed(transition.do, ['transitions', index, 'do'])),
    ...listed(error?.do ?? [], ['error', 'do']),
  ]
}
