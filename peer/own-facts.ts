// What this VM says of itself to the relay, which chooses among successors by it: what the operator has written down, and how busy it is now.

import { availableParallelism, loadavg } from 'node:os'
import process from 'node:process'
import type { Policy } from '../src/plan/policy.ts'
import type { Facts } from '../src/wire/facts.ts'

export function ownFacts({ context, prefer, parts }: Pick<Policy, 'context' | 'prefer' | 'parts'>): Facts {
  const { zone, network, price } = context
  return {
    zone,
    network,
    price,
    load: loadPerCore(),
    // What a container may still take, where one is set about this process.
    freeBytes: process.availableMemory(),
    parts,
    prefers: prefer,
  }
}

/** Runnable processes per core, of the last minute. */
export function loadPerCore(): number {
  return loadavg()[0]! / availableParallelism()
}
