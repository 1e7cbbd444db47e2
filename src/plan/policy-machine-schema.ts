// How a policy's state machine is written: the schema of `policy.machine`, and the way back for `config print`.

import * as z from 'zod'
import { duration, rate, strict } from '../config/values.ts'
import { laneKinds } from '../lane/lane.ts'
import { policyStatesMax } from '../limits/plan.ts'
import { formatDuration, formatRate } from '../units.ts'
import { factors, type Condition, type FactorTest } from './policy-condition.ts'
import { actionKinds, type MachineDefinition, type PolicyAction, type PolicyState, type Transition } from './policy-machine.ts'

const stateName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, { error: 'a state is named with letters, digits, dashes and underscores' })

const timeOfDay = z
  .string()
  .regex(/^([01]?\d|2[0-3]):[0-5]\d$/, { error: 'expected a time of day such as 22:30' })
  .transform(minutesOf)
const bound = z.union([z.number(), timeOfDay, duration()], {
  error: () => 'expected a number, a time of day such as 22:30 or a duration such as 30s',
})
const value = z.union([z.number(), z.string()], { error: () => 'expected a number or a word' })

const factorTest = strict({
  factor: z.enum(factors).describe('What is asked: time of day, load per core, zone, price, network, or the time left by the notice.'),
  above: bound.optional().describe('It is more than this.'),
  below: bound.optional().describe('It is less than this.'),
  is: value.optional().describe('It is this.'),
  in: z.array(value).max(100).optional().describe('It is one of these.'),
  between: z.tuple([bound, bound]).optional().describe('It is from the first to the second; a time of day also over midnight.'),
})

type WrittenCondition =
  string | { all: WrittenCondition[] } | { any: WrittenCondition[] } | { not: WrittenCondition } | z.input<typeof factorTest>

const condition: z.ZodType<Condition, WrittenCondition> = z.lazy(() =>
  z.union(
    [
      z
        .string()
        .transform((event) => ({ event }))
        .describe('An event.'),
      strict({ all: z.array(condition).min(1).max(100) }).describe('All of these, in whatever order they come.'),
      strict({ any: z.array(condition).min(1).max(100) }).describe('One of these.'),
      strict({ not: condition }).describe('Not this.'),
      factorTest,
    ],
    { error: () => 'expected an event such as preempt, or a map with all, any, not or factor' },
  ),
)

const maxRate = rate().optional().describe("At most so fast. Without it: the policy's.")

const particulars = strict({
  sources: z.array(z.string()).min(1).optional().describe('Only these sources. Without it: all.'),
  lanes: z.array(z.enum(laneKinds)).min(1).optional().describe("Only these lanes. Without it: the policy's."),
  max_rate: maxRate,
}).transform(withRate)

/** What goes ahead goes to the store alone, and is all of the state: else nobody could tell later what of it is missing. */
const preshipParticulars = strict({ max_rate: maxRate }).transform(withRate)

function withRate<Rest extends object>({ max_rate: maxRateBytesPerSecond, ...rest }: Rest & { max_rate?: number | undefined }) {
  return { ...rest, ...(maxRateBytesPerSecond !== undefined && { maxRateBytesPerSecond }) }
}

const action = z.union(
  [
    z.enum(actionKinds).transform((kind): PolicyAction => ({ kind })),
    strict({ handoff: particulars }).transform(({ handoff }): PolicyAction => ({ kind: 'handoff', ...handoff })),
    strict({ preship: preshipParticulars }).transform(({ preship }): PolicyAction => ({ kind: 'preship', ...preship })),
  ],
  { error: () => `expected ${actionKinds.join(', ')}, handoff with sources, lanes or max_rate, or preship with max_rate` },
)
const actions = z.array(action).max(100).default([])

const transition = strict({
  when: condition.optional().describe('The events and circumstances that it waits for. Without it: for the time alone.'),
  after: duration().optional().describe('A time-out: not before the state was active for so long.'),
  delay: duration().optional().describe('The condition must hold for so long.'),
  to: stateName.optional().describe('The state that follows. Without it the state stays, and only `do` happens.'),
  do: actions.describe('What is done.'),
  urgent: z.boolean().default(false).describe('Whether it breaks a hold time.'),
})
  .refine(({ when, after, to }) => when !== undefined || after !== undefined || to !== undefined, {
    error: 'says neither when it happens nor where to',
  })
  .transform(({ after, delay, ...rest }): Transition => ({
    ...rest,
    ...(after !== undefined && { afterMs: after }),
    ...(delay !== undefined && { delayMs: delay }),
  }))

export interface WrittenState {
  entry?: z.input<typeof actions>
  exit?: z.input<typeof actions>
  transitions?: z.input<typeof transition>[]
  hold?: string
  error?: { to?: string; do?: z.input<typeof actions> }
  final?: boolean
  initial?: string
  states?: Record<string, WrittenState>
}

const state: z.ZodType<PolicyState, WrittenState> = z.lazy(() =>
  strict({
    entry: actions.describe('Done when the state is entered.'),
    exit: actions.describe('Done when it is left.'),
    transitions: z.array(transition).max(100).default([]).describe('What may happen in it; the first that can, does.'),
    hold: duration().prefault('0s').describe('It is held at least so long; what happens meanwhile is kept.'),
    error: strict({ to: stateName.optional(), do: actions }).optional().describe('What happens when an action fails in it.'),
    final: z.boolean().default(false).describe('Nothing follows.'),
    initial: stateName.optional().describe('Of a state with inner states: the first of them.'),
    states: z.record(stateName, state).default({}).describe('Inner states.'),
  }).transform(({ hold, ...rest }): PolicyState => ({ ...rest, holdMs: hold })),
)

/** `policy.machine`. Names, reachability and dead ends are checked by policy-machine-check.ts. */
export const machineSchema = strict({
  initial: stateName.describe('The state that the agent begins in.'),
  states: z
    .record(stateName, state)
    .refine((states) => countStates(states) <= policyStatesMax, { error: `has more than ${policyStatesMax} states` })
    .describe('All states. Names are unique over all levels.'),
})

export function countStates(states: MachineDefinition['states']): number {
  return Object.values(states).reduce((sum, inner) => sum + 1 + countStates(inner.states), 0)
}

function minutesOf(text: string): number {
  const [hours, minutes] = text.split(':').map(Number) as [number, number]
  return 60 * hours + minutes
}

/** As it is written in a file, with what is by default left out. */
export function writtenMachine({ initial, states }: MachineDefinition): Record<string, unknown> {
  return { initial, states: mapValues(states, writtenState) }
}

function writtenState({ entry, exit, transitions, holdMs, error, final, initial, states }: PolicyState): Record<string, unknown> {
  return {
    ...some('entry', entry.map(writtenAction)),
    ...some('exit', exit.map(writtenAction)),
    ...(holdMs > 0 && { hold: formatDuration(holdMs) }),
    ...some('transitions', transitions.map(writtenTransition)),
    ...(error !== undefined && { error: { ...(error.to !== undefined && { to: error.to }), ...some('do', error.do.map(writtenAction)) } }),
    ...(final && { final }),
    ...(initial !== undefined && { initial }),
    ...(Object.keys(states).length > 0 && { states: mapValues(states, writtenState) }),
  }
}

function writtenTransition({ when, afterMs, delayMs, to, do: own, urgent }: Transition): Record<string, unknown> {
  return {
    ...(when !== undefined && { when: writtenCondition(when) }),
    ...(afterMs !== undefined && { after: formatDuration(afterMs) }),
    ...(delayMs !== undefined && { delay: formatDuration(delayMs) }),
    ...(to !== undefined && { to }),
    ...some('do', own.map(writtenAction)),
    ...(urgent && { urgent }),
  }
}

function writtenAction({ kind, sources, lanes, maxRateBytesPerSecond }: PolicyAction): unknown {
  const particular = {
    ...(sources !== undefined && { sources }),
    ...(lanes !== undefined && { lanes }),
    ...(maxRateBytesPerSecond !== undefined && { max_rate: formatRate(maxRateBytesPerSecond) }),
  }
  return Object.keys(particular).length === 0 ? kind : { [kind]: particular }
}

function writtenCondition(of: Condition): WrittenCondition {
  if ('event' in of) return of.event
  if ('all' in of) return { all: of.all.map(writtenCondition) }
  if ('any' in of) return { any: of.any.map(writtenCondition) }
  if ('not' in of) return { not: writtenCondition(of.not) }
  return Object.fromEntries(Object.entries(of).filter(([, given]) => given !== undefined)) as unknown as FactorTest & {
    in?: never
    between?: never
  }
}

function mapValues<Value, Mapped>(record: Readonly<Record<string, Value>>, map: (value: Value) => Mapped): Record<string, Mapped> {
  return Object.fromEntries(Object.entries(record).map(([key, inner]) => [key, map(inner)]))
}

function some(key: string, list: readonly unknown[]): Record<string, unknown> {
  return list.length > 0 ? { [key]: list } : {}
}
