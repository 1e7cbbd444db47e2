// `heirloom-relay status`: what a relay is doing, from its HTTP interface.

import { onInterrupt } from '../../src/cli/entry.ts'
import { table } from '../../src/cli/output.ts'
import { textFlag } from '../../src/cli/flag.ts'
import type { CommandDefinition } from '../../src/cli/program.ts'
import { asHeirloomError, HeirloomError } from '../../src/errors.ts'

export const statusCommand: CommandDefinition = {
  name: 'status',
  description: 'show what a relay is doing',
  example: 'heirloom-relay status --http http://127.0.0.1:9465',
  options: [textFlag('--http <url>', "the relay's HTTP interface", 'http://127.0.0.1:9465')],
  async run({ flags, output }) {
    using interrupt = onInterrupt()
    const base: string = /^https?:\/\//.test(flags['http']) ? flags['http'] : `http://${flags['http']}`
    const response = await fetch(new URL('/v1/status', base), { signal: interrupt.signal }).catch((thrown: unknown) => {
      const why = asHeirloomError((thrown as { cause?: unknown }).cause ?? thrown).message
      throw new HeirloomError('no-relay', `no relay answers at ${base}: ${why}`, {
        cause: thrown,
        hint: 'give the address that `heirloom-relay serve` shows with --http',
      })
    })
    if (!response.ok) throw new HeirloomError('no-relay', `the relay at ${base} answered with status ${response.status}`)
    const status = (await response.json()) as Record<string, unknown>
    const rows = Object.entries(status).filter(([name]) => name !== 'handoffs')
    output.result(status, table(rows.map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)])), {
      always: true,
    })
    return 0
  },
}
