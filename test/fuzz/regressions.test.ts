// What fuzzing and reading with a fuzzer's eye have found, each with its input.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { recallJournal } from '../../peer/inherit/journal.ts'
import type { JournalFiles } from '../../peer/inherit/journal-files.ts'
import { LisParser } from '../../peer/simulate/lis-parser.ts'
import { Trace } from '../../peer/simulate/trace.ts'
import { readEnd, readPosition } from '../../src/transfer/messages.ts'
import { TransferSender } from '../../src/transfer/sender.ts'
import { FrameDecoder } from '../../src/wire/frame.ts'
import { PackSet } from '../../src/wire/pack-set.ts'
import { refused } from '../helpers/refusal.ts'

const test = suite('found by fuzzing')

const frameOf = (base64: string) => new FrameDecoder().push(new Uint8Array(Buffer.from(base64, 'base64')))[0]!

test('an end that names four billion packs is refused: an heir would have counted through them', () => {
  refused(() => readEnd(frameOf('AAAACAgIgID+AxAB')), 'too-large')
})

test('a position that is no safe number is refused', () => {
  refused(() => readPosition(frameOf('AAAADQoIDAiAgIDg/////wE=')), 'malformed')
})

const journal = (...lines: readonly string[]): JournalFiles =>
  ({ bootId: () => 'boot', read: () => Buffer.from(`${lines.join('\n')}\n`) }) as unknown as JournalFiles
const head = JSON.stringify({ handoff: 'cd'.repeat(16), epoch: 2, seed: Buffer.alloc(32).toString('base64'), boot: 'boot' })

test('a journal with lines that are JSON but no entries is believed up to there', () => {
  const good = '{"pack":0,"chunks":1,"bytes":2,"keys":""}'
  for (const bad of [
    '2147483648',
    'null',
    '"pack"',
    '{"pack":-1,"chunks":0,"bytes":0,"keys":""}',
    '{"pack":1,"chunks":0,"bytes":0,"keys":"","superseded":[0]}',
  ]) {
    const recalled = recallJournal('', journal(head, good, bad, '{"pack":5,"chunks":0,"bytes":0,"keys":""}'))
    assert.equal(recalled?.entries, [{ pack: 0, chunks: 1, bytes: 2, keys: '' }], bad)
  }
})

test('a journal whose head is none, or whose seed has another length, is not one', () => {
  for (const bad of ['null', '5', head.replace('A=', 'A5')]) assert.is(recallJournal('', journal(bad)), undefined)
})

test('a trace that reads on beyond the last safe number is refused: the next page would be the same for ever', () => {
  refused(() => new LisParser(new Trace()).push(Buffer.from('9007199254740990 10 0 1\n')), 'io')
})

test('sets of a million packs in a few bytes cost what they are worth, however often they come', () => {
  const all = PackSet.fromRuns([0, 1 << 20])
  const sender = new TransferSender({ have: all, windowBytes: 1 })
  // One by one these were 20 ms each; a hundred of them, 2 s.
  for (let times = 0; times < 100; times++) assert.equal(sender.acknowledged({ packs: all, windowBytes: 1 }), [])
  refused(() => new TransferSender({ have: new PackSet(), windowBytes: 1 }).acknowledged({ packs: all, windowBytes: 1 }), 'malformed')
})

test.run()
