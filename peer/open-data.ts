// What a peer brings to data transfers.

import type { Clock } from '../src/clock.ts'
import { DataEnd } from '../src/lane/data-end.ts'
import type { LaneKind } from '../src/lane/lane.ts'

export interface OpenDataOptions {
  readonly lanes: readonly LaneKind[]
  /** Where to listen; undefined: nowhere. */
  readonly host: string | undefined
  /** 0: any free one. */
  readonly port: number
  readonly clock: Clock
}

/** Listens if others may use the fast lane; else it only dials. Throws `config` when the port can't be had. */
export async function openData({ lanes, host, port, clock }: OpenDataOptions): Promise<DataEnd> {
  return host !== undefined && lanes.includes('fast') ? DataEnd.open({ host, port, clock }) : new DataEnd(clock)
}
