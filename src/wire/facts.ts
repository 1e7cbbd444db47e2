// What a peer says of itself (PROTOCOL.md, "Control"). It comes from outside: what is out of bounds is as if it hadn't been said.

import { create } from '@bufbuild/protobuf'
import { factsPartsMax, factsTextMax } from '../limits/relay.ts'
import { FactsSchema, WeightsSchema, type Facts as WireFacts } from './gen/control_pb.ts'

export const judged = ['zone', 'network', 'load', 'memory', 'price', 'part'] as const

/** How much each counts when an heir is chosen; what is missing counts as it usually does. */
export type Weights = { readonly [Name in (typeof judged)[number]]?: number }

export interface Facts {
  readonly zone?: string | undefined
  readonly network?: string | undefined
  /** Runnable processes per core. */
  readonly load?: number | undefined
  /** Memory that is free. */
  readonly freeBytes?: number | undefined
  readonly price?: number | undefined
  /** The parts of a divided state that it takes. */
  readonly parts?: readonly string[] | undefined
  readonly prefers?: Weights | undefined
}

export function factsMessage({ zone, network, load, freeBytes, price, parts, prefers }: Facts): WireFacts {
  return create(FactsSchema, {
    ...(zone !== undefined && { zone }),
    ...(network !== undefined && { network }),
    ...(load !== undefined && { load }),
    ...(freeBytes !== undefined && { freeBytes: BigInt(Math.floor(freeBytes)) }),
    ...(price !== undefined && { price }),
    ...(parts !== undefined && { parts: [...parts] }),
    ...(prefers !== undefined && { prefers: create(WeightsSchema, prefers) }),
  })
}

export function readFacts(message: WireFacts | undefined): Facts {
  if (message === undefined) return {}
  const { zone, network, load, freeBytes, price, parts, prefers } = message
  const said = (name: (typeof judged)[number]) => prefers?.[name]
  const weights = Object.fromEntries(judged.map((name) => [name, said(name)] as const).filter(([, weight]) => isAmount(weight)))
  return {
    zone: readName(zone),
    network: readName(network),
    load: isAmount(load) ? load : undefined,
    freeBytes: freeBytes === undefined ? undefined : Number(freeBytes),
    price: isAmount(price) ? price : undefined,
    parts: parts.slice(0, factsPartsMax).flatMap((part) => readName(part) ?? []),
    ...(Object.keys(weights).length > 0 && { prefers: weights }),
  }
}

/** A name that is short enough, or none. */
export function readName(text: string): string | undefined {
  return text === '' || text.length > factsTextMax ? undefined : text
}

/** At least 0, and not beyond all measure. */
export function isAmount(value: number | undefined): value is number {
  return value !== undefined && value >= 0 && value <= 1e15
}
