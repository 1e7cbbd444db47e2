// The conditions of a policy: which events have come, and what the context is (time of day, load, zone, price, network, the notice at hand).
// Pure: what the context is, is handed in.

import type { Ms } from '../units.ts'

/** What a policy may ask about its surroundings. */
export const factors = ['time', 'load', 'zone', 'price', 'network', 'notice'] as const
export type Factor = (typeof factors)[number]

/** What is known now. A test of what isn't known is false. */
export interface PolicyContext {
  /** Minutes since midnight, as the machine's own clock shows them. */
  readonly time?: number
  /** Runnable processes per core. */
  readonly load?: number
  readonly zone?: string
  /** What an hour of this VM costs now, in whatever unit the operator uses. */
  readonly price?: number
  /** Such as `metered` or `10G`. */
  readonly network?: string
  /** Time left by the notice at hand. */
  readonly notice?: Ms
}

/** All that is given must hold. */
export interface FactorTest {
  readonly factor: Factor
  readonly above?: number | undefined
  readonly below?: number | undefined
  readonly is?: string | number | undefined
  readonly in?: readonly (string | number)[] | undefined
  /** From the first, included, to the second; of a time of day also over midnight. */
  readonly between?: readonly [number, number] | undefined
}

export type Condition =
  | { readonly event: string }
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition }
  | FactorTest

/** `seen`: the events that have come since the condition was last met, or its state entered. */
export function isMet(condition: Condition, seen: ReadonlySet<string>, context: PolicyContext): boolean {
  if ('event' in condition) return seen.has(condition.event)
  if ('all' in condition) return condition.all.every((each) => isMet(each, seen, context))
  if ('any' in condition) return condition.any.some((each) => isMet(each, seen, context))
  if ('not' in condition) return !isMet(condition.not, seen, context)
  return holds(condition, context)
}

/** Every event that a condition names. */
export function eventsOf(condition: Condition): string[] {
  if ('event' in condition) return [condition.event]
  if ('all' in condition) return condition.all.flatMap(eventsOf)
  if ('any' in condition) return condition.any.flatMap(eventsOf)
  return 'not' in condition ? eventsOf(condition.not) : []
}

function holds({ factor, above, below, is, in: among, between }: FactorTest, context: PolicyContext): boolean {
  const value = context[factor]
  if (value === undefined) return false
  if (is !== undefined && value !== is) return false
  if (among !== undefined && !among.includes(value)) return false
  if (above === undefined && below === undefined && between === undefined) return true
  if (typeof value !== 'number') return false
  if (above !== undefined && value <= above) return false
  if (below !== undefined && value >= below) return false
  if (between === undefined) return true
  const [from, to] = between
  return factor === 'time' && from > to ? value >= from || value < to : value >= from && value < to
}
