// `heirloom send`: the predecessor's part for one directory, without an agent.

import { durationFlag, rateFlag, textFlag } from '../../src/cli/flag.ts'
import type { CommandDefinition } from '../../src/cli/program.ts'
import { HeirloomError } from '../../src/errors.ts'
import { oneShotFlags, runOneShot } from './one-shot.ts'

export const sendCommand: CommandDefinition = {
  name: 'send',
  description: "hand a directory to the pool's waiting successor, or park it at the relay",
  example: 'heirloom send --relay /dns4/relay.internal/tcp/4001/p2p/12D3KooW… --key checkout.key --directory /var/cache/models',
  options: [
    ...oneShotFlags('what to hand over', "the pool's secret, or this VM's certificate"),
    durationFlag('--deadline <duration>', 'how long it may take', '30s'),
    durationFlag('--reserve <duration>', 'stop this long before the deadline', '0s'),
    rateFlag('--max-rate <rate>', 'at most so fast (default: as fast as it goes)'),
    textFlag('--reason <text>', 'why, for the receipt', 'send'),
  ],
  async run(invocation) {
    const { flags } = invocation
    const { deadline: deadlineMs, reserve: reserveMs, maxRate: rateBytesPerSecondMax, reason } = flags
    if (reserveMs >= deadlineMs)
      throw new HeirloomError('usage', '--reserve leaves no time before --deadline', {
        hint: 'give a longer --deadline or a shorter --reserve',
      })
    return runOneShot(invocation, async (options) => {
      const { sendDirectory } = await import('../one-shot.ts')
      return sendDirectory({ ...options, deadlineMs, reserveMs, rateBytesPerSecondMax, reason })
    })
  },
}
