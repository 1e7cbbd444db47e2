// The policy: what to do on which notice, and within which limits (claim 6). The schema of a configuration's `policy` and its type.

import * as z from 'zod'
import { laneKinds, type LaneKind } from '../lane/lane.ts'
import { demandWithinMs, demandWithinMsMax } from '../limits/demand.ts'
import { reserveMs } from '../limits/handoff.ts'
import { maxAgeMs, preshipBytesPerSecond } from '../limits/preship.ts'
import type { Weights } from '../wire/facts.ts'
import { factsPartsMax, keepMs, keepMsMax } from '../limits/relay.ts'
import { duration, rate, size, strict } from '../config/values.ts'
import { originRuleProblem, usualOriginRules, type OriginRules } from '../config/origin-place.ts'
import { partName, splitSchema, type Split } from './policy-split.ts'
import type { MachineDefinition, PolicyAction, PolicyState, Transition } from './policy-machine.ts'
import { machineSchema } from './policy-machine-schema.ts'
import type { PolicyContext } from './policy-condition.ts'
import { formatDuration, formatRate, type Bytes, type BytesPerSecond, type Ms } from '../units.ts'

/** `handoff` gives the state away, `preship` sends ahead without letting go, `ignore` waits for a surer notice. */
export const reactions = ['handoff', 'preship', 'ignore'] as const
type Reaction = (typeof reactions)[number]

/** The short form of a policy's machine. */
interface Reactions {
  readonly rebalance: Reaction
  readonly preempt: Reaction
  readonly terminate: Reaction
}

export interface Policy {
  readonly on: Reactions
  /** What decides: what is written, or what `on` expands to. */
  readonly machine: MachineDefinition
  /** What the operator says of this VM. */
  readonly context: Pick<PolicyContext, 'zone' | 'price' | 'network'>
  /** How much each fact counts when the heir of this VM is chosen. */
  readonly prefer: Weights
  /** What this VM's state is worth, against that of others. */
  readonly worth: number
  /** As an heir: the parts of a divided state that this VM takes. Undefined: any. */
  readonly parts: readonly string[] | undefined
  /** How its own state is divided among several heirs. Undefined: it isn't. */
  readonly split: Split | undefined
  /** In order of preference. */
  readonly lanes: readonly LaneKind[]
  /** Packs stop this long before the deadline. */
  readonly reserveMs: Ms
  /** Undefined: no bound. */
  readonly maxBytes: Bytes | undefined
  /** Undefined: no bound. */
  readonly maxRateBytesPerSecond: BytesPerSecond | undefined
  readonly keepMs: Ms
  /** Where a successor fetches what a predecessor passes by reference. */
  readonly origins: OriginRules
  /** Without a share of all, those of the sources alone count. */
  readonly readyAt: {
    readonly hitMass: number | undefined
    readonly sources: Readonly<Record<string, number>>
    readonly orAfterMs: Ms
  }
  /** What goes ahead of any notice, how fast; with `everyMs` all the time, without it on a hint alone. */
  readonly preship: { readonly rateBytesPerSecond: BytesPerSecond; readonly everyMs: Ms | undefined }
  /** How old the state of a predecessor that went without a notice may be. */
  readonly maxAgeMs: Ms
  /** How long an application waits for a chunk that it demands, unless it says. */
  readonly demandWithinMs: Ms
  /** What an application may take to its origin. Undefined: all, as they come. */
  readonly misses: { readonly perSecond: number; readonly burst: number } | undefined
}

function reaction(fallback: Reaction, notice: string) {
  return z.enum(reactions).default(fallback).describe(`What to do when ${notice}.`)
}

const on = strict({
  rebalance: reaction('preship', 'the cloud merely hints that the VM may go'),
  preempt: reaction('handoff', 'the VM is reclaimed'),
  terminate: reaction('handoff', 'the VM is shut down'),
})

function share() {
  return z.number().min(0).max(1)
}

const demand = strict({
  within: duration({ min: 1, max: demandWithinMsMax })
    .prefault(formatDuration(demandWithinMs))
    .describe('How long an application waits for a chunk that it demands, unless it says.'),
})

const preship = strict({
  rate: rate().prefault(formatRate(preshipBytesPerSecond)).describe('At most so fast goes what goes ahead of any notice.'),
  every: duration({ min: 100 }).optional().describe('How often what has changed goes ahead. Without it: on a hint alone.'),
}).transform(({ rate: rateBytesPerSecond, every: everyMs }) => ({ rateBytesPerSecond, everyMs }))

const misses = strict({
  per_second: z.number().positive().max(1e9).describe('So many misses a second may go to the origin.'),
  burst: z.int().min(1).max(1e9).optional().describe("So many at once. Without it: a second's worth."),
}).transform(({ per_second: perSecond, burst }) => ({ perSecond, burst: burst ?? Math.max(1, Math.ceil(perSecond)) }))

const readyAt = strict({
  hit_mass: share()
    .optional()
    .describe('Share of the expected reads that must be restored, over all sources. Without it: 0.8, or only what `sources` says.'),
  sources: z.record(z.string(), share()).default({}).describe('By source: the share of its expected reads that must be restored.'),
  or_after: duration().prefault('60s').describe('After this the successor counts as ready in any case.'),
})

/** What is wrong with a list of lanes, in words. */
export function policyLanesProblem(list: readonly LaneKind[]): string | undefined {
  return new Set(list).size === list.length ? undefined : 'names a lane twice'
}

const lanesSchema = z
  .array(z.enum(laneKinds))
  .min(1)
  .superRefine((list, context) => {
    const wrong = policyLanesProblem(list)
    if (wrong !== undefined) context.addIssue({ code: 'custom', message: wrong })
  })

const originsSchema = z
  .array(z.string())
  .max(100)
  .superRefine((list, context) => {
    for (const [index, rule] of list.entries()) {
      const wrong = originRuleProblem(rule)
      if (wrong !== undefined) context.addIssue({ code: 'custom', path: [index], message: wrong })
    }
  })

const context = strict({
  zone: z.string().max(200).optional().describe('Where this VM is.'),
  price: z.number().optional().describe('What an hour of it costs, in any unit.'),
  network: z.string().max(200).optional().describe('What kind of network it has.'),
})

/** Whoever names sources and no share of all means these sources. */
function readyAtOf({ hit_mass: hitMass, sources, or_after: orAfterMs }: z.output<typeof readyAt>): Policy['readyAt'] {
  return { hitMass: hitMass ?? (Object.keys(sources).length === 0 ? 0.8 : undefined), sources, orAfterMs }
}

const weight = (of: string) => z.number().min(0).max(1e6).optional().describe(of)

const prefer = strict({
  zone: weight('That it is in the same zone. Usually 2.'),
  network: weight('That it has the same kind of network. Usually 1.'),
  load: weight('That it has little to do. Usually 2.'),
  memory: weight('That it has memory for the state. Usually 4.'),
  price: weight('That it is cheap. Usually 1.'),
  part: weight('That it takes the part that is handed off. Usually 16; with 0 one that takes other parts may have it, too.'),
})

/** The machine that the short form stands for: guard, answer hints, and go when the VM goes. */
export function expandReactions(reactions: Reactions): MachineDefinition {
  const answers = Object.entries(reactions).map(([when, reaction]): Transition => {
    const leaves = reaction === 'handoff'
    return { when: { event: when }, ...(leaves && { to: 'handing-off' }), do: leaves ? [] : [{ kind: reaction }], urgent: false }
  })
  const state = (fields: Partial<PolicyState>): PolicyState => ({
    entry: [],
    exit: [],
    transitions: [],
    holdMs: 0,
    final: false,
    states: {},
    ...fields,
  })
  const handOff: PolicyAction = { kind: 'handoff' }
  const gone: Transition = { when: { event: 'handed-off' }, to: 'gone', do: [], urgent: false }
  const guarding = state({ transitions: answers })
  if (answers.every(({ to }) => to === undefined)) return { initial: 'guarding', states: { guarding: { ...guarding, final: true } } }
  return {
    initial: 'guarding',
    states: {
      guarding,
      'handing-off': state({ entry: [handOff], transitions: [gone], error: { to: 'gone', do: [] } }),
      gone: state({ final: true }),
    },
  }
}

/** The `policy` of a configuration. */
export const policySchema = strict({
  on: on.prefault({}).describe('What to do on which notice: the short form of `machine`.'),
  machine: machineSchema.optional().describe('A state machine that decides in place of `on`: see the section on policies in the README.'),
  context: context.prefault({}).describe('What conditions of the machine may ask, beside the time of day, the load and the notice.'),
  prefer: prefer.prefault({}).describe('By what the heir is chosen when several successors wait; 0 leaves a fact out.'),
  worth: z.number().min(0).max(1e6).default(1).describe("What this VM's state is worth when there are more handoffs than successors."),
  parts: z
    .array(partName)
    .min(1)
    .max(factsPartsMax)
    .optional()
    .describe('The parts of a divided state that this VM inherits. Without it: any.'),
  split: splitSchema.optional().describe('How the state is divided among several heirs. Without it: one gets all.'),
  lanes: lanesSchema.default([...laneKinds]).describe('Lanes that may be used, in order of preference.'),
  reserve: duration().prefault(formatDuration(reserveMs)).describe('Packs stop this long before the deadline.'),
  max_bytes: size().optional().describe('At most so many bytes of state go. Without it: all.'),
  max_rate: rate().optional().describe('At most so fast. Without it: as fast as it goes.'),
  keep: duration({ min: 1000, max: keepMsMax }).prefault(formatDuration(keepMs)).describe('How long the relay keeps what nobody claims.'),
  origins: originsSchema
    .default([...usualOriginRules])
    .describe('Where a successor fetches what goes by reference: http:, https:, the beginning of a URL, or the absolute path of a folder.'),
  ready_at: readyAt.prefault({}).describe('When a successor counts as warm.'),
  preship: preship
    .prefault({})
    .describe('How state goes ahead of any notice to the relay, so that at the notice only what has changed is left.'),
  max_age: duration()
    .prefault(formatDuration(maxAgeMs))
    .describe('How old the state of a predecessor that went without a notice may be; what is older is left to others.'),
  demand: demand.prefault({}).describe('How chunks are fetched that an application asks for ahead of their turn.'),
  misses: misses.optional().describe('What an application may take to its origin, if it asks. Without it: everything.'),
}).transform((written): Policy => ({
  on: written.on,
  machine: written.machine ?? expandReactions(written.on),
  context: written.context,
  prefer: written.prefer,
  worth: written.worth,
  parts: written.parts,
  split: written.split,
  lanes: written.lanes,
  reserveMs: written.reserve,
  maxBytes: written.max_bytes,
  maxRateBytesPerSecond: written.max_rate,
  keepMs: written.keep,
  origins: written.origins,
  readyAt: readyAtOf(written.ready_at),
  preship: written.preship,
  maxAgeMs: written.max_age,
  demandWithinMs: written.demand.within,
  misses: written.misses,
}))
