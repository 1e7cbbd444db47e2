// `heirloom peer`: the agent. Flags and environment stand over the file's top-level keys.

import { hostPortFlag, listenFlag, relayFlag, textFlag } from '../../src/cli/flag.ts'
import type { Output } from '../../src/cli/output.ts'
import type { CommandDefinition } from '../../src/cli/program.ts'
import { loadConfig, type ConfigOverrides } from '../config/load-config.ts'
import { configNotes } from '../config/notes.ts'
import { configFlag } from './config.ts'
import type { PeerEvent } from '../events.ts'
import { eventText } from './event-text.ts'
import { stateFlag } from './identity.ts'

export const peerCommand: CommandDefinition = {
  name: 'peer',
  description: "guard this VM: claim what waits for its pool, restore it, and hand the VM's state on when it goes",
  example: 'heirloom peer --config /etc/heirloom/peer.yaml',
  options: [
    configFlag(),
    relayFlag('address of a relay, instead of the relays in the file'),
    listenFlag('where other peers reach this one'),
    textFlag('--key <file>', "the pool's secret, or this VM's certificate"),
    textFlag('--socket <path>', 'the socket of the local API'),
    hostPortFlag('--http <host:port>', 'the local API over HTTP'),
    textFlag('--await <duration>', 'how long to count as a successor, or always'),
    textFlag('--identity <file>', "this VM's identity"),
    stateFlag(),
  ],
  async run({ flags, output }) {
    const config = await loadConfig(flags['config'], output.terminal.env, overridesOf(flags))
    for (const note of configNotes(config)) output.log('info', `note: ${note}`)
    const { runPeer } = await import('../agent.ts')
    return await runPeer(config, { onEvent: (event) => showEvent(output, event) })
  },
}

/** A peer is a service: people read its log, and a line for every pack would drown the rest. */
function showEvent(output: Output, event: PeerEvent): void {
  if (output.json) output.row(event)
  else if (event.event !== 'pack') output.log('info', eventText(event))
}

function overridesOf({
  relay,
  listen,
  key,
  socket,
  http,
  await: wait,
  identity,
  state,
}: Readonly<Record<string, unknown>>): ConfigOverrides {
  const given = { relays: relay, listen, key, socket, http, await: wait, identity, state }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}
