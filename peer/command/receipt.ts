// `heirloom receipt`: the account of what this VM handed off or, before that, of what it inherited.

import { onInterrupt } from '../../src/cli/entry.ts'
import type { CommandDefinition } from '../../src/cli/program.ts'
import { HeirloomError } from '../../src/errors.ts'
import { AgentClient, agentFlags } from './agent-client.ts'
import { receiptText, type Receipt } from './receipt-text.ts'

export const receiptCommand: CommandDefinition = {
  name: 'receipt',
  description: "show the local agent's receipt: what was promised, what was delivered, what was left out and why",
  example: 'heirloom receipt --socket /run/heirloom/peer.sock',
  options: [...agentFlags()],
  async run({ flags, output }) {
    using interrupt = onInterrupt()
    await using agent = await AgentClient.of(flags, output.terminal.env)
    const receipt = await agent.ask({ method: 'GET', path: '/v1/receipt', signal: interrupt.signal })
    if (!isReceipt(receipt))
      throw new HeirloomError('malformed', `the agent at ${agent.place} answered with something that isn't a receipt`)
    output.result({ receipt }, receiptText(receipt), { always: true })
    return 0
  },
}

function isReceipt(answer: object): answer is Receipt {
  return ['outcome', 'chunks', 'bytes', 'lanes', 'hitMass', 'sources'].every((field) => field in answer)
}
