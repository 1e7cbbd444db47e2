// The relay's figures in Prometheus' text format. Read when they are asked for; nothing is counted twice.

import { Counter, Gauge, Registry } from 'prom-client'
import type { RelayCore } from './relay-core.ts'

export function createRelayMetrics(core: RelayCore): Registry {
  const registry = new Registry()
  const gauge = (name: string, help: string, read: () => number) => {
    const metric: Gauge = new Gauge({ name: `heirloom_relay_${name}`, help, registers: [registry], collect: () => metric.set(read()) })
  }
  gauge('peers', 'Peers with a control link.', () => core.presence.linked)
  gauge('waiting_successors', 'Successors that wait for a handoff.', () => core.rendezvous.waiting)
  gauge('handoffs', 'Handoffs that are kept.', () => core.rendezvous.records().filter((record) => !record.finished).length)
  gauge('puts', 'Transfers into the store that are open.', () => core.transfers.puts)
  gauge('gets', 'Transfers out of the store that are open.', () => core.transfers.gets)
  gauge('stored_bytes', 'Sealed bytes in the store.', () => core.packs.bytes())
  gauge('resident_memory_bytes', 'Resident memory of the process.', () => process.memoryUsage().rss)
  const counter = (name: string, help: string, read: () => number) => {
    const metric: Counter = new Counter({
      name: `heirloom_relay_${name}_total`,
      help,
      registers: [registry],
      collect() {
        metric.reset()
        metric.inc(read())
      },
    })
  }
  counter('packs_stored', 'Packs that were acknowledged as durable.', () => core.counts.packsStored)
  counter('bytes_stored', 'Sealed bytes that were acknowledged as durable.', () => core.counts.bytesStored)
  counter('packs_served', 'Packs that were sent to heirs.', () => core.counts.packsServed)
  counter('bytes_served', 'Sealed bytes that were sent to heirs.', () => core.counts.bytesServed)
  counter('data_sockets', 'Data sockets that showed a valid token.', () => core.data?.port?.accepted ?? 0)
  counter('data_sockets_refused', 'Data sockets that showed none.', () => core.data?.port?.refused ?? 0)
  const refusals: Counter<'code'> = new Counter({
    name: 'heirloom_relay_refusals_total',
    help: 'Requests and transfers that were refused, by error code.',
    labelNames: ['code'],
    registers: [registry],
    collect() {
      refusals.reset()
      for (const [code, count] of core.counts.refusals) refusals.inc({ code }, count)
    },
  })
  return registry
}
