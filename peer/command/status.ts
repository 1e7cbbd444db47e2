// `heirloom status`: what the agent of this VM is doing; with --watch also what happens from then on.

import { Option } from 'commander'
import { EventSourceParserStream } from 'eventsource-parser/stream'
import { onInterrupt } from '../../src/cli/entry.ts'
import { table, type Output } from '../../src/cli/output.ts'
import type { CommandDefinition } from '../../src/cli/program.ts'
import type { PeerEvent } from '../events.ts'
import { AgentClient, agentFlags } from './agent-client.ts'
import { eventText } from './event-text.ts'

export const statusCommand: CommandDefinition = {
  name: 'status',
  description: 'show what the local agent is doing',
  example: 'heirloom status --watch',
  options: [new Option('--watch', 'go on with every event until Ctrl-C or until the agent ends'), ...agentFlags()],
  async run({ flags, output }) {
    using interrupt = onInterrupt()
    await using agent = await AgentClient.of(flags, output.terminal.env)
    const status = await agent.ask({ method: 'GET', path: '/v1/status', signal: interrupt.signal })
    if (flags['watch'] !== true) {
      output.result(status, table(rowsOf(status)), { always: true })
      return 0
    }
    output.row({ event: 'status', ...status })
    output.say(table(rowsOf(status)))
    await follow(agent, output, interrupt.signal)
    output.result({ watched: true }, '')
    return 0
  },
}

/** Prints events until the agent ends or somebody interrupts; both are the ordinary end of watching. */
async function follow(agent: AgentClient, output: Output, signal: AbortSignal): Promise<void> {
  const response = await agent.open({ method: 'GET', path: '/v1/events', signal })
  const text = (response.body as unknown as ReadableStream<BufferSource>).pipeThrough(new TextDecoderStream())
  try {
    for await (const { event, data } of text.pipeThrough(new EventSourceParserStream())) showEvent(output, event ?? 'message', data)
  } catch (thrown) {
    // The agent ends its process without ending the stream; what else can be said of that is in its log.
    if (!signal.aborted) output.log('info', `the agent has gone: ${thrown instanceof Error ? thrown.message : String(thrown)}`)
  }
}

function showEvent(output: Output, name: string, data: string): void {
  let fields: Record<string, unknown>
  try {
    fields = JSON.parse(data) as Record<string, unknown>
  } catch {
    fields = { data }
  }
  const event = { event: name, atMs: 0, ...fields } as PeerEvent
  output.row(event)
  output.say(eventText(event))
}

/** Nested fields by their path, one a row. */
function rowsOf(value: object, prefix = ''): string[][] {
  return Object.entries(value).flatMap(([name, inner]) => {
    const path = `${prefix}${name}`
    const nested = typeof inner === 'object' && inner !== null && Object.keys(inner).length > 0
    return nested
      ? rowsOf(inner as object, `${path}.`)
      : [[path, typeof inner === 'string' ? inner : inner === null ? '-' : JSON.stringify(inner)]]
  })
}
