// Runs a policy's state machine: tells it notices, what came of its actions and that time has passed, and has its actions performed. What the machine
// decides is in src/plan/policy-machine.ts; what the actions do is the agent's.

import { asHeirloomError, type HeirloomError } from '../src/errors.ts'
import type { Clock } from '../src/clock.ts'
import { policyTickMs } from '../src/limits/plan.ts'
import type { PolicyContext } from '../src/plan/policy-condition.ts'
import type { PolicyEvent } from '../src/plan/policy-machine-check.ts'
import { loadPerCore } from './own-facts.ts'
import { PolicyMachine, type PolicyAction, type Step } from '../src/plan/policy-machine.ts'
import type { Policy } from '../src/plan/policy.ts'

/** Why and for how long something is done. */
export interface Occasion {
  readonly kind: string
  readonly reason: string
  readonly deadlineMs: number
  /** Of a notice that may be moved or withdrawn. */
  readonly id?: string
}

export interface PolicyRunnerOptions {
  readonly policy: Pick<Policy, 'machine' | 'context'>
  readonly clock: Clock
  /** Performs an action; resolves when it is over, rejects when it failed. */
  readonly perform: (action: PolicyAction, occasion: Occasion) => Promise<unknown>
  /** Another state is active. */
  readonly onState?: (state: string, event: string) => void
  readonly onFailed?: (action: PolicyAction, error: HeirloomError) => void
}

/** Assumed where a machine hands off without any notice. */
const unbidden: Occasion = { kind: 'policy', reason: 'the policy says so', deadlineMs: 120_000 }

const eventAfter: Partial<Record<PolicyAction['kind'], PolicyEvent>> = { handoff: 'handed-off', preship: 'preshipped' }

export class PolicyRunner implements Disposable {
  readonly #options: PolicyRunnerOptions
  readonly #machine: PolicyMachine
  #notice: { readonly occasion: Occasion; readonly endsMs: number } | undefined
  #cancelTick: () => void = () => {}
  #over = false

  constructor(options: PolicyRunnerOptions) {
    this.#options = options
    this.#machine = new PolicyMachine(options.policy.machine)
  }

  get state(): string {
    return this.#machine.state
  }

  start(): void {
    this.#carryOut('start', this.#machine.start(this.#nowMs, this.#context()))
  }

  notice(occasion: Occasion): void {
    this.#notice = { occasion, endsMs: this.#nowMs + occasion.deadlineMs }
    this.tell(occasion.kind)
  }

  /** Something of PolicyEvent, or an event that no transition waits for. */
  tell(event: string): void {
    if (!this.#over) this.#carryOut(event, this.#machine.send(event, this.#nowMs, this.#context()))
  }

  [Symbol.dispose](): void {
    this.#over = true
    this.#cancelTick()
  }

  #carryOut(event: string, { actions, state, changed }: Step): void {
    const { perform, onState, onFailed } = this.#options
    if (changed) onState?.(state, event)
    for (const action of actions) {
      perform(action, this.#occasion()).then(
        () => {
          const after = eventAfter[action.kind]
          if (after !== undefined) this.tell(after)
        },
        (thrown: unknown) => {
          onFailed?.(action, asHeirloomError(thrown))
          if (this.#over) return
          this.#carryOut('error', this.#machine.failed(this.#nowMs, this.#context()))
          this.tell('failed')
        },
      )
    }
    this.#await()
  }

  /** The next time-out or end of a delay; and now and then, since the context changes without a word. */
  #await(): void {
    this.#cancelTick()
    if (this.#over) return
    const dueMs = this.#machine.dueMs(this.#nowMs) ?? Infinity
    const inMs = Math.min(dueMs - this.#nowMs, policyTickMs)
    this.#cancelTick = this.#options.clock.after(inMs, () => this.#carryOut('time', this.#machine.tick(this.#nowMs, this.#context())))
  }

  /** What is left of the notice's time. */
  #occasion(): Occasion {
    if (this.#notice === undefined) return unbidden
    const { occasion, endsMs } = this.#notice
    return { ...occasion, deadlineMs: Math.max(1, Math.ceil(endsMs - this.#nowMs)) }
  }

  /** Asked of the machine only when a condition wants to know. */
  #context(): PolicyContext {
    const { policy, clock } = this.#options
    const endsMs = this.#notice?.endsMs
    return {
      ...policy.context,
      ...(endsMs !== undefined && { notice: Math.max(0, endsMs - this.#nowMs) }),
      get time() {
        const now = new Date(clock.nowMs())
        return 60 * now.getHours() + now.getMinutes()
      },
      get load() {
        return loadPerCore()
      },
    }
  }

  get #nowMs(): number {
    return this.#options.clock.monotonicMs()
  }
}
