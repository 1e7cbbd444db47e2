// `heirloom receive`: the successor's part for one directory, without an agent.

import { durationFlag } from '../../src/cli/flag.ts'
import type { CommandDefinition } from '../../src/cli/program.ts'
import { oneShotFlags, runOneShot } from './one-shot.ts'

export const receiveCommand: CommandDefinition = {
  name: 'receive',
  description: 'take the newest handoff of the pool that nobody has claimed, or wait for one',
  example: 'heirloom receive --relay /dns4/relay.internal/tcp/4001/p2p/12D3KooW… --key checkout.key --directory /var/cache/models',
  options: [
    ...oneShotFlags('where to restore it; made if it is missing', "the pool's secret"),
    durationFlag('--wait <duration>', 'how long to wait for a handoff', '10m'),
  ],
  run(invocation) {
    const waitMs: number = invocation.flags['wait']
    return runOneShot(invocation, async (options) => {
      const { receiveDirectory } = await import('../one-shot.ts')
      return receiveDirectory({ ...options, waitMs })
    })
  },
}
