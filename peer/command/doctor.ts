// `heirloom doctor`: what stands between this VM and a handoff, and what to do about it.

import { onInterrupt } from '../../src/cli/entry.ts'
import type { Output } from '../../src/cli/output.ts'
import type { CommandDefinition } from '../../src/cli/program.ts'
import { systemClock } from '../../src/clock.ts'
import { loadConfig } from '../config/load-config.ts'
import { examine } from '../doctor/examine.ts'
import { ok, type Finding } from '../doctor/finding.ts'
import { probeRelay } from '../doctor/relay.ts'
import { configFlag } from './config.ts'

export const doctorCommand: CommandDefinition = {
  name: 'doctor',
  description: 'check key, identity, state, relays, clock, sources, cloud, notices and ports, and say what to do',
  example: 'heirloom doctor --config /etc/heirloom/peer.yaml',
  options: [configFlag()],
  async run({ flags, output }) {
    const file: string = flags['config']
    const config = await loadConfig(file, output.terminal.env)
    using interrupt = onInterrupt()
    const counts = { ok: 0, warn: 0, fail: 0 }
    let exitCode = 0
    const tell = (found: Finding) => {
      counts[found.level]++
      exitCode = Math.max(exitCode, found.exitCode ?? 0)
      show(output, found)
    }
    tell(ok('config', `${file} is valid`))
    for await (const found of examine({ config, clock: systemClock, probe: probeRelay, signal: interrupt.signal })) tell(found)
    output.result({ ...counts, exitCode }, `${counts.ok} ok, ${counts.warn} to look at, ${counts.fail} broken`)
    return exitCode
  },
}

function show(output: Output, finding: Finding): void {
  const { level, check, message, hint } = finding
  const colour = level === 'ok' ? 'green' : level === 'warn' ? 'yellow' : 'red'
  output.row({ event: 'check', ...finding })
  output.say(`${output.paint(colour, level.padEnd(4))}  ${check}: ${message}${hint === undefined ? '' : `\n      → ${hint}`}`)
}
