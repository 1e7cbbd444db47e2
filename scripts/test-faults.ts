// `npm run test:faults`: hundreds of handoffs between real processes, each struck by a fault at a seeded moment. Ends with 1 when one of them did not
// hold, and says how to have it again.

import process from 'node:process'
import { parseArgs } from 'node:util'
import { onInterrupt } from '../src/cli/entry.ts'
import { faults } from '../test/faults/faults.ts'

const usage = `npm run test:faults -- [--count N] [--from SEED] [--only TEXT]

Kills, stops, full disks, partitions, slow links and clocks that jump, in turn. Needs root, for disks and networks of its own.
  --count N      so many seeds of each fault (30)
  --from SEED    the first of them (100)
  --only TEXT    only faults whose name contains it`

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '30' },
      from: { type: 'string', default: '100' },
      only: { type: 'string', default: '' },
      help: { type: 'boolean' },
    },
  })
  if (values.help) {
    console.log(usage)
    return 0
  }
  using interrupt = onInterrupt()
  const chosen = Object.entries(faults).filter(([name]) => name.includes(values.only))
  const first = Number(values.from)
  const startMs = performance.now()
  let held = 0
  const failed: string[] = []
  for (let seed = first; seed < first + Number(values.count); seed++) {
    for (const [name, strike] of chosen) {
      if (interrupt.signal.aborted) break
      try {
        await strike(seed)
        held++
      } catch (thrown) {
        failed.push(`--only '${name}' --from ${seed} --count 1`)
        console.error(`FAILED ${(thrown as Error).message}`)
      }
    }
    if ((seed - first) % 5 === 4) console.error(`${held + failed.length} moments, ${((performance.now() - startMs) / 1000).toFixed(0)} s`)
  }
  console.log(`${held} moments held, ${failed.length} did not, in ${((performance.now() - startMs) / 1000).toFixed(0)} s`)
  for (const how of failed) console.log(`npm run test:faults -- ${how}`)
  return failed.length > 0 ? 1 : interrupt.signal.aborted ? 130 : 0
}

process.exitCode = await main()
