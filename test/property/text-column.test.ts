// Texts in columns: what goes in comes out, whatever the characters and wherever a page ends.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { TextColumn } from '../../src/plan/text-column.ts'

const test = suite('text column')

test('texts come out as they went in, in any order', () => {
  const text = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)), maxLength: 5 }),
    fc.nat(6000).map((length) => 'long ü'.repeat(length / 6)),
  )
  fc.assert(
    fc.property(fc.array(text, { maxLength: 300 }), (texts) => {
      const column = new TextColumn()
      const places = texts.map((each) => column.push(each))
      for (let row = texts.length - 1; row >= 0; row--) assert.is(column.get(places[row]!), texts[row])
    }),
  )
})

test('a text of the greatest length fits, wide or not', () => {
  const column = new TextColumn()
  const texts = ['a', 'ÿ'.repeat(65_535), '☃'.repeat(65_535), 'b']
  const places = texts.map((each) => column.push(each))
  for (const [row, each] of texts.entries()) assert.ok(column.get(places[row]!) === each)
})

test.run()
