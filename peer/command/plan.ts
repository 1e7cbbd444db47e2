// `heirloom plan`: a dry run of a handoff. Nothing is read, sent or changed.

import { onInterrupt } from '../../src/cli/entry.ts'
import { countFlag, durationFlag, rateFlag } from '../../src/cli/flag.ts'
import { table } from '../../src/cli/output.ts'
import type { CommandDefinition } from '../../src/cli/program.ts'
import { criteriaOf } from '../../src/plan/manifest.ts'
import { systemClock } from '../../src/clock.ts'
import { humanDuration, humanSize } from '../../src/units.ts'
import { loadConfig } from '../config/load-config.ts'
import { preview, type PlannedChunk, type Preview } from '../preview.ts'
import type { Source } from '../source/source.ts'
import { PartCounts, type PartCount } from '../split/part-count.ts'
import { createPartition } from '../split/partition.ts'
import { configFlag } from './config.ts'
import { curveText } from './receipt-text.ts'

/** Rows that a person is shown without asking for more. */
const rowsShown = 20

export const planCommand: CommandDefinition = {
  name: 'plan',
  description: 'dry run: what would go within a deadline, in which order, and what not',
  example: 'heirloom plan --config /etc/heirloom/peer.yaml --deadline 30s --rate 100MB/s',
  options: [
    configFlag(),
    durationFlag('--deadline <duration>', 'the notice to assume', '30s'),
    rateFlag('--rate <rate>', 'the rate to assume', '100MB/s'),
    countFlag('--limit <chunks>', `how many chunks to list (default: ${rowsShown}; with --json all)`),
  ],
  async run({ flags, output }) {
    const config = await loadConfig(flags['config'], output.terminal.env)
    const { createSource } = await import('../source/create-source.ts')
    using interrupt = onInterrupt()
    await using stack = new AsyncDisposableStack()
    const sources = config.sources.map((entry): Source =>
      stack.use(createSource(entry, { onWarning: (message) => output.log('warning', message) })),
    )

    const { split } = config.policy
    const counts = split && new PartCounts(createPartition(split))
    const limit: number = flags['limit'] ?? (output.json ? Infinity : rowsShown)
    const listed: PlannedChunk[] = []
    let rows = 0
    const found = await preview({
      sources: counts === undefined ? sources : sources.map((source) => counts.counting(source)),
      criteria: criteriaOf(config.sources),
      deadlineMs: flags['deadline'],
      reserveMs: config.policy.reserveMs,
      rateBytesPerSecond: flags['rate'],
      bytesMax: config.policy.maxBytes,
      clock: systemClock,
      signal: interrupt.signal,
      onChunk(chunk) {
        if (rows++ >= limit) return
        if (output.json) output.row({ event: 'chunk', ...chunk })
        else listed.push(chunk)
      },
    })
    output.result({ ...found, ...(counts && { parts: counts.parts }) }, planText(listed, found, counts?.parts))
    return 0
  },
}

function planText(listed: readonly PlannedChunk[], found: Preview, parts: readonly PartCount[] = []): string {
  const { chunks, bytes, budgetBytes, hitMass, bound, curve, leftOut, sources } = found
  const rows = listed.map(({ afterMs, bytes: size, kind, source, id }) => [`+${humanDuration(afterMs)}`, humanSize(size), kind, source, id])
  const more = chunks.planned - listed.length
  const reasons = Object.entries(leftOut).map(([reason, count]) => `${count} ${reason}`)
  return [
    ...(rows.length > 0 ? [table(rows), ...(more > 0 ? [`… and ${more} more`] : []), ''] : []),
    `would go: ${chunks.planned} of ${chunks.known} chunks, ${humanSize(bytes.planned)} of ${humanSize(bytes.known)}; there is time for ${humanSize(budgetBytes)}`,
    bound === 0
      ? 'nothing is known of how often they will be read'
      : `serving ${(100 * hitMass).toFixed(1)} % of the expected reads; no order could exceed ${(100 * bound).toFixed(1)} %`,
    ...parts.map((each) => `part ${each.part}: ${each.chunks} chunks, ${humanSize(each.bytes)}`),
    ...(reasons.length > 0 ? [`left out: ${reasons.join(', ')}`] : []),
    ...sources.flatMap(({ name, failed }) => (failed === undefined ? [] : [`source ${name}: ${failed}`])),
    ...curveText(curve),
  ].join('\n')
}
