// Which PostgreSQL cluster a server serves. Block numbers mean the same on two servers only when one is a physical copy of the other: initdb gives every
// cluster an identifier that copies keep, and every promotion of a copy begins a new timeline.

import type { Psql } from './psql.ts'

export interface Cluster {
  readonly system: string
  readonly timeline: number
  readonly blockBytes: number
}

export async function readCluster(psql: Psql, signal: AbortSignal): Promise<Cluster> {
  const sql = `SELECT s.system_identifier, c.timeline_id, current_setting('block_size') FROM pg_control_system() s, pg_control_checkpoint() c;`
  const [[system = '', timeline = '', blockBytes = ''] = []] = await psql.rows({ sql, signal })
  return { system, timeline: Number(timeline), blockBytes: Number(blockBytes) }
}

/** Why what was seen there means nothing here; undefined when it does. */
export function misfitOf(here: Cluster, there: Cluster): string | undefined {
  if (here.system !== there.system)
    return `not a physical copy: the system identifier is ${here.system} here and ${there.system} where this comes from`
  if (here.timeline < there.timeline)
    return `this copy is on timeline ${here.timeline}, and what comes is of the later timeline ${there.timeline}`
  if (here.blockBytes !== there.blockBytes) return `blocks have ${here.blockBytes} bytes here and ${there.blockBytes} where this comes from`
  return undefined
}
