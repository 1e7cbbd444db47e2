// The agent's figures in Prometheus' text format.

import { Gauge, Registry } from 'prom-client'
import type { HandoffResult } from './result.ts'

export interface AgentFigures {
  readonly ready: boolean
  readonly linked: boolean
  readonly inherited: HandoffResult | undefined
  readonly handedOff: HandoffResult | undefined
}

export function createAgentMetrics(read: () => AgentFigures): Registry {
  const registry = new Registry()
  const gauge = (name: string, help: string, value: (figures: AgentFigures) => number) => {
    const metric: Gauge = new Gauge({ name: `heirloom_${name}`, help, registers: [registry], collect: () => metric.set(value(read())) })
  }
  gauge('ready', 'Whether the peer counts as warm.', ({ ready }) => Number(ready))
  gauge('relay_linked', 'Whether a relay has enrolled the peer.', ({ linked }) => Number(linked))
  gauge('resident_memory_bytes', 'Resident memory of the process.', () => process.memoryUsage().rss)
  for (const [part, of] of [
    ['inherited', (figures: AgentFigures) => figures.inherited],
    ['handed_off', (figures: AgentFigures) => figures.handedOff],
  ] as const) {
    gauge(`${part}_chunks`, `Chunks ${part.replace('_', ' ')}.`, (figures) => of(figures)?.chunks.delivered ?? 0)
    gauge(`${part}_bytes`, `Bytes ${part.replace('_', ' ')}.`, (figures) => of(figures)?.bytes.delivered ?? 0)
    gauge(`${part}_left_out_chunks`, `Chunks planned and not ${part.replace('_', ' ')}.`, (figures) => of(figures)?.chunks.leftOut ?? 0)
    gauge(`${part}_seconds`, 'How long it took.', (figures) => (of(figures)?.elapsedMs ?? 0) / 1000)
  }
  return registry
}
