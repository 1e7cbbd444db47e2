// `npm run fuzz`: inputs of any kind for every decoder and for the three HTTP interfaces. Ends with 1 at the first finding and says how to have it
// again.

import { availableParallelism } from 'node:os'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { onInterrupt } from '../src/cli/entry.ts'
import { addToCorpus, corpusFile, parseInput, writeInput } from '../test/fuzz/corpus.ts'
import { runFuzz } from '../test/fuzz/run-fuzz.ts'
import { answerOf } from '../test/fuzz/target.ts'
import { openTargets } from '../test/fuzz/targets.ts'

const usage = `npm run fuzz -- [--inputs N] [--seed S] [--threads T] [--target TEXT] [--keep] [--json]
npm run fuzz -- --target NAME --input LINE

Gives inputs that nobody expects to everything that reads what comes from outside.
  --inputs N     so many in all (200000)
  --seed S       another series of them (1)
  --threads T    at a time (as many as there are cores)
  --target TEXT  only targets whose name contains it
  --keep         adds inputs that were answered as none before to the corpus in test/fuzz/corpus, as long as there is room
  --input LINE   gives one input, as a finding or the corpus shows it
  --json         the result as a line of JSON

Example: npm run fuzz -- --inputs 10000000`

interface Tally {
  inputs: number
  answers: number
  kept: Map<string, Uint8Array>
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      inputs: { type: 'string', default: '200000' },
      seed: { type: 'string', default: '1' },
      threads: { type: 'string', default: String(availableParallelism()) },
      target: { type: 'string', default: '' },
      input: { type: 'string' },
      keep: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean' },
    },
  })
  if (values.help) {
    console.log(usage)
    return 0
  }
  if (values.input !== undefined) return replay(values.target, values.input)
  using interrupt = onInterrupt()
  const targets = openTargets().filter(({ name }) => name.includes(values.target))
  const tallies = new Map(targets.map(({ name }): [string, Tally] => [name, { inputs: 0, answers: 0, kept: new Map() }]))
  const startMs = performance.now()
  let toldMs = startMs
  let heldBytes = 0
  const found = await runFuzz({
    targets,
    inputs: Number(values.inputs),
    seed: Number(values.seed),
    threads: Number(values.threads),
    signal: interrupt.signal,
    onJob({ target }, answer) {
      const tally = tallies.get(target)!
      tally.inputs += answer.inputs
      tally.answers = Math.max(tally.answers, answer.answers)
      if (values.keep) for (const input of answer.kept) if (tally.kept.size < 200) tally.kept.set(writeInput(input), input)
      heldBytes = Math.max(heldBytes, answer.heldBytes)
      if (performance.now() - toldMs < 10_000) return
      toldMs = performance.now()
      console.error(`${sum(tallies)} inputs, ${((toldMs - startMs) / 1000).toFixed(0)} s`)
    },
  })
  if (values.keep) for (const [name, { kept }] of tallies) addToCorpus(name, [...kept.values()])
  const tookMs = performance.now() - startMs
  const result = {
    inputs: sum(tallies),
    tookMs: Math.round(tookMs),
    heldBytes,
    rssBytes: process.memoryUsage.rss(),
    finding: found?.target ?? null,
  }
  if (values.json) console.log(JSON.stringify(result))
  else {
    for (const [name, { inputs, answers }] of tallies)
      console.log(`${String(inputs).padStart(9)}  ${String(answers).padStart(4)} answers  ${name}`)
    const rate = Math.round((result.inputs / tookMs) * 1000)
    console.log(
      `${result.inputs} inputs in ${(tookMs / 1000).toFixed(1)} s, ${rate} a second; at most ${Math.round(heldBytes / 2 ** 20)} MiB held by a thread`,
    )
  }
  if (found === undefined) return interrupt.signal.aborted ? 130 : 0
  const { target, seed, index, input, what } = found
  console.error(`\nFOUND in "${target}", seed ${seed}, input ${index}:\n${what}\n`)
  console.error(`npm run fuzz -- --target ${quoted(target)} --input ${quoted(writeInput(input))}\n(a line for ${corpusFile(target)})`)
  return 1
}

async function replay(name: string, line: string): Promise<number> {
  const target = openTargets().find((each) => each.name === name)
  if (target === undefined) throw new Error(`there is no target "${name}"`)
  try {
    console.log(await answerOf(target, parseInput(line)))
    return 0
  } finally {
    await target.close?.()
  }
}

function sum(tallies: ReadonlyMap<string, Tally>): number {
  return [...tallies.values()].reduce((total, { inputs }) => total + inputs, 0)
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

process.exitCode = await main()
