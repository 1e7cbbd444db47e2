// A VM that sends its state ahead of any notice, for as long as its process lives.

import { EventLog } from '../../peer/events.ts'
import type { HandoffOptions } from '../../peer/handoff/options.ts'
import { Preshipping } from '../../peer/preshipping.ts'
import { keepMs } from '../../src/limits/relay.ts'
import type { PeerMachineOptions } from './peer-machine.ts'
import type { Process } from './process.ts'
import { SimulatedSource } from './state.ts'

type Shipping = Pick<HandoffOptions, 'node' | 'membership' | 'relay' | 'data'> & { readonly process: Process }

type Shipper = Pick<PeerMachineOptions, 'preshipEveryMs' | 'sources' | 'surroundings' | 'lanes' | 'name' | 'division'>

/** Undefined for one that doesn't. */
export function shipAhead({ process, node, membership, relay, data }: Shipping, shipper: Shipper): Preshipping | undefined {
  const { preshipEveryMs: everyMs, sources, surroundings, lanes, name, division } = shipper
  if (everyMs === undefined || !lanes.includes('store')) return undefined
  const { clock } = process
  const preshipping = new Preshipping({
    membership,
    node,
    relay,
    data,
    clock,
    events: new EventLog(clock),
    compress: 'never',
    random: () => surroundings.random.next(),
    limits: { lanes: ['store'], reserveMs: 0, bytesMax: undefined, rateBytesPerSecondMax: undefined, keepMs },
    sources: sources.map((script) => new SimulatedSource(name, script, process)),
    everyMs,
    partition: division?.partition,
  })
  void preshipping.run(new AbortController().signal)
  return preshipping
}
