// The policy as a state machine (Zhang): states within states, actions on entry and exit, events gated by `all` and `any`, delays, time-outs, hold
// times and error transitions. Pure: events and the time in, actions out; whoever runs it performs them and says how they ended.
//
// Invariant: exactly one state without inner states is active, with all that it is in.

import type { LaneKind } from '../lane/lane.ts'
import type { BytesPerSecond, Ms } from '../units.ts'
import { eventsOf, isMet, type Condition, type PolicyContext } from './policy-condition.ts'

/** `ignore` is only told; `release` ends the agent without a handoff. */
export const actionKinds = ['handoff', 'preship', 'ignore', 'release'] as const

/** Which components move, and how, where the action says so. */
export interface PolicyAction {
  readonly kind: (typeof actionKinds)[number]
  readonly sources?: readonly string[] | undefined
  readonly lanes?: readonly LaneKind[] | undefined
  readonly maxRateBytesPerSecond?: BytesPerSecond | undefined
}

export interface Transition {
  /** Without it: when the time of `afterMs` has come. */
  readonly when?: Condition | undefined
  /** So long after its state was entered, and not before. */
  readonly afterMs?: Ms | undefined
  /** The condition must hold for so long. */
  readonly delayMs?: Ms | undefined
  /** Without it the state isn't left, and `do` is all that happens. */
  readonly to?: string | undefined
  readonly do: readonly PolicyAction[]
  /** Doesn't wait for the end of a hold time. */
  readonly urgent: boolean
}

export interface PolicyState {
  readonly entry: readonly PolicyAction[]
  readonly exit: readonly PolicyAction[]
  readonly transitions: readonly Transition[]
  /** The state isn't left before it was held for so long; what comes meanwhile is kept. */
  readonly holdMs: Ms
  /** Where to when an action fails in this state or in one within it. */
  readonly error?: { readonly to?: string | undefined; readonly do: readonly PolicyAction[] } | undefined
  /** Nothing is expected to follow. */
  readonly final: boolean
  /** Of a state with inner states: the one that is entered with it. */
  readonly initial?: string | undefined
  readonly states: Readonly<Record<string, PolicyState>>
}

/** Names of states are unique over all levels. */
export interface MachineDefinition {
  readonly initial: string
  readonly states: Readonly<Record<string, PolicyState>>
}

/** What a step came to: the actions in their order, and the state that is active then. */
export interface Step {
  readonly actions: readonly PolicyAction[]
  readonly state: string
  readonly changed: boolean
}

/** Transitions that may follow one another without an event: more is a circle that the check didn't see. */
const stepsMax = 32

interface Watched {
  readonly transition: Transition
  readonly seen: Set<string>
  /** When its condition became true; undefined while it isn't. */
  metMs: number | undefined
  /** It was carried out, and its condition has held ever since. */
  done: boolean
}

interface Active {
  readonly name: string
  readonly state: PolicyState
  readonly enteredMs: Ms
  readonly watched: readonly Watched[]
}

export class PolicyMachine {
  readonly #definition: MachineDefinition
  /** From the outermost state to the innermost. */
  #active: Active[] = []

  constructor(definition: MachineDefinition) {
    this.#definition = definition
  }

  get state(): string {
    return this.#active.at(-1)?.name ?? ''
  }

  start(nowMs: Ms, context: PolicyContext): Step {
    const actions: PolicyAction[] = []
    this.#enter(this.#pathTo(this.#definition.initial), nowMs, actions)
    return this.#settle(nowMs, context, actions, '')
  }

  /** Something happened. */
  send(event: string, nowMs: Ms, context: PolicyContext): Step {
    const before = this.state
    for (const { watched } of this.#active) {
      for (const each of watched) if (namedIn(each.transition).includes(event)) each.seen.add(event)
    }
    return this.#settle(nowMs, context, [], before)
  }

  /** Time has passed, or the context may have changed. */
  tick(nowMs: Ms, context: PolicyContext): Step {
    return this.#settle(nowMs, context, [], this.state)
  }

  /** An action failed. Unhandled, it changes nothing. */
  failed(nowMs: Ms, context: PolicyContext): Step {
    const before = this.state
    const actions: PolicyAction[] = []
    const handler = this.#active.findLast(({ state }) => state.error !== undefined)
    if (handler !== undefined) this.#go(handler.state.error!, nowMs, actions)
    return this.#settle(nowMs, context, actions, before)
  }

  /** When `tick` is wanted at the latest, by the same clock; undefined: not before something happens. */
  dueMs(nowMs: Ms): Ms | undefined {
    const times = this.#active.flatMap((active) => {
      const own = active.watched.flatMap(({ transition, metMs, done }) => {
        if (done) return []
        const due = transition.afterMs === undefined ? [] : [active.enteredMs + transition.afterMs]
        return metMs === undefined ? due : [...due, metMs + (transition.delayMs ?? 0)]
      })
      return active.state.holdMs > 0 ? [...own, active.enteredMs + active.state.holdMs] : own
    })
    const coming = times.filter((atMs) => atMs > nowMs)
    return coming.length === 0 ? undefined : Math.min(...coming)
  }

  /** Takes transitions until none is left to take: the innermost state's first. */
  #settle(nowMs: Ms, context: PolicyContext, actions: PolicyAction[], before: string): Step {
    for (let step = 0; step < stepsMax; step++) {
      const [next, ...others] = this.#due(nowMs, context)
      if (next === undefined) break
      next.done = true
      next.seen.clear()
      // What an inner state answers isn't answered by an outer one as well.
      const answered = namedIn(next.transition)
      for (const { transition, seen } of others) if (namedIn(transition).some((event) => answered.includes(event))) seen.clear()
      this.#go(next.transition, nowMs, actions)
    }
    return { actions, state: this.state, changed: this.state !== before }
  }

  /** The transitions that could be taken now. Every one is looked at, so that each knows since when its condition has held. */
  #due(nowMs: Ms, context: PolicyContext): Watched[] {
    return this.#active.toReversed().flatMap((active) => active.watched.filter((watched) => this.#isDue(active, watched, nowMs, context)))
  }

  #isDue(active: Active, watched: Watched, nowMs: Ms, context: PolicyContext): boolean {
    const { when, afterMs = 0, delayMs = 0, to, urgent } = watched.transition
    const holds = nowMs >= active.enteredMs + afterMs && (when === undefined || isMet(when, watched.seen, context))
    if (!holds) {
      watched.metMs = undefined
      watched.done = false
      return false
    }
    watched.metMs ??= nowMs
    if (watched.done || nowMs < watched.metMs + delayMs) return false
    return to === undefined || urgent || this.#left(to).every(({ state, enteredMs }) => nowMs >= enteredMs + state.holdMs)
  }

  /** The active states that going there leaves. A state that names itself or one that it is in is left and entered again. */
  #left(to: string): Active[] {
    const path = this.#pathTo(to)
    let kept = 0
    while (kept < path.length - 1 && kept < this.#active.length && this.#active[kept]!.name === path[kept]!.name) kept++
    return this.#active.slice(kept)
  }

  #go({ to, do: ownActions }: Pick<Transition, 'to' | 'do'>, nowMs: Ms, actions: PolicyAction[]): void {
    if (to === undefined) return void actions.push(...ownActions)
    const left = this.#left(to)
    for (const { state } of left.toReversed()) actions.push(...state.exit)
    actions.push(...ownActions)
    this.#active.length -= left.length
    this.#enter(this.#pathTo(to).slice(this.#active.length), nowMs, actions)
  }

  /** Enters these states, and with the last one what it begins with. */
  #enter(path: readonly { name: string; state: PolicyState }[], nowMs: Ms, actions: PolicyAction[]): void {
    for (const { name, state } of path) {
      const watched = state.transitions.map((transition): Watched => ({ transition, seen: new Set(), metMs: undefined, done: false }))
      this.#active.push({ name, state, enteredMs: nowMs, watched })
      actions.push(...state.entry)
    }
    const { initial, states } = this.#active.at(-1)!.state
    if (initial !== undefined) this.#enter([{ name: initial, state: states[initial]! }], nowMs, actions)
  }

  #pathTo(name: string): { name: string; state: PolicyState }[] {
    return pathTo(this.#definition.states, name) ?? []
  }
}

function namedIn({ when }: Transition): string[] {
  return when === undefined ? [] : eventsOf(when)
}

/** The states from the outermost to the one of this name; undefined when there is none. */
function pathTo(states: MachineDefinition['states'], name: string): { name: string; state: PolicyState }[] | undefined {
  for (const [own, state] of Object.entries(states)) {
    if (own === name) return [{ name, state }]
    const inner = pathTo(state.states, name)
    if (inner !== undefined) return [{ name: own, state }, ...inner]
  }
  return undefined
}
