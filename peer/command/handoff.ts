// `heirloom handoff`: tells the agent of this VM to hand off now, and waits for what comes of it.

import { onInterrupt } from '../../src/cli/entry.ts'
import { durationFlag, textFlag } from '../../src/cli/flag.ts'
import type { CommandDefinition } from '../../src/cli/program.ts'
import { HeirloomError } from '../../src/errors.ts'
import { exitCodeOf, type HandoffResult } from '../result.ts'
import { AgentClient, agentFlags } from './agent-client.ts'
import { resultText } from './result-text.ts'

export const handoffCommand: CommandDefinition = {
  name: 'handoff',
  description: 'tell the local agent to hand off now, and wait for it',
  example: 'heirloom handoff --deadline 120s --reason "kernel update"',
  options: [
    durationFlag('--deadline <duration>', 'how long it may take', '120s'),
    textFlag('--reason <text>', 'why, for the receipt', 'asked for by the operator'),
    ...agentFlags(),
  ],
  async run({ flags, output }) {
    using interrupt = onInterrupt()
    await using agent = await AgentClient.of(flags, output.terminal.env)
    const body = { reason: flags['reason'], deadlineMs: flags['deadline'] }
    const answer = await agent.ask({ method: 'POST', path: '/v1/handoff', body, signal: interrupt.signal })
    if (!isResult(answer)) throw new HeirloomError('malformed', `the agent at ${agent.place} answered with something that isn't a result`)
    output.result(answer, resultText(answer))
    return exitCodeOf(answer.outcome)
  },
}

function isResult(answer: object): answer is HandoffResult {
  return ['outcome', 'handoff', 'chunks', 'bytes', 'lanes', 'hitMass'].every((field) => field in answer)
}
