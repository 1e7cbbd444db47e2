// time-out: 200 s
// Every target takes its samples, its corpus, and a few new inputs. Many more: `npm run fuzz`.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { withSeed } from '../helpers/seed.ts'
import { corpusFile, writeInput } from './corpus.ts'
import { Fuzzer, type Finding } from './fuzzer.ts'
import { openTargets } from './targets.ts'

const test = suite('fuzzing')

/** Inputs of a target with a share of 1. */
const inputs = 150

for (const target of openTargets()) {
  test(`whatever it is given, this takes or refuses it: ${target.name}`, () =>
    withSeed(async (_, seed) => {
      const fuzzer = new Fuzzer(target, seed)
      try {
        const finding = (await fuzzer.replay()) ?? (await fuzzer.run(Math.ceil(inputs * Math.max(0.01, target.share))))
        assert.is(finding, undefined, finding && sentence(finding))
        assert.ok(fuzzer.answers > 1, 'it answers one thing only')
      } finally {
        await target.close?.()
      }
    }))
}

function sentence({ input, what, target }: Finding): string {
  return `${what}\nthe input, as a line for ${corpusFile(target)}: ${writeInput(input)}`
}

test.run()
