// What every record store must do. A store's own test registers this suite with a factory of empty stores.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { HeirloomError } from '../../src/errors.ts'
import type { HandoffRecord, RecordStore } from '../../relay/store/store.ts'

/** A record with every field set, as one might be in the middle of a handoff. */
export function recordOf(digit: string, fields: Partial<HandoffRecord> = {}): HandoffRecord {
  return {
    key: { pool: 'a1'.repeat(32), handoff: digit.repeat(32) },
    header: Uint8Array.from({ length: 300 }, (_, at) => at & 0xff),
    predecessor: '12D3KooWPredecessor',
    heir: '12D3KooWHeir',
    epoch: 2,
    packs: 17,
    finished: false,
    offeredAtMs: 1_700_000_000_123.5,
    expiresAtMs: 1_700_000_900_000,
    ...fields,
  }
}

export function testRecordStore(name: string, open: () => Promise<RecordStore>): void {
  const test = suite(`record store contract: ${name}`)

  const contract = (behaviour: string, check: (store: RecordStore) => Promise<void>) =>
    test(behaviour, async () => {
      await using store = await open()
      await check(store)
    })

  contract('a record that was saved is listed as it was', async (store) => {
    const records = [
      recordOf('1'),
      recordOf('2', { heir: undefined, packs: undefined, epoch: 0, header: new Uint8Array(0), finished: true }),
    ]
    await Promise.all(records.map((record) => store.save(record)))
    assert.equal(
      [...store.list()].sort((a, b) => a.key.handoff.localeCompare(b.key.handoff)),
      records,
    )
  })

  contract('the last of several saves at the same time is what stays', async (store) => {
    await Promise.all(Array.from({ length: 10 }, (_, epoch) => store.save(recordOf('1', { epoch }))))
    assert.equal([...store.list()], [recordOf('1', { epoch: 9 })])
  })

  contract('saves and deletes of one record take effect in the order of the calls', async (store) => {
    const { key } = recordOf('1')
    await Promise.all([store.save(recordOf('1', { epoch: 1 })), store.delete(key), store.save(recordOf('1', { epoch: 3 }))])
    assert.equal([...store.list()], [recordOf('1', { epoch: 3 })])
    await Promise.all([store.save(recordOf('1', { epoch: 4 })), store.delete(key)])
    assert.equal([...store.list()], [])
  })

  contract('a delete removes one record and no other, and can be repeated', async (store) => {
    await Promise.all([store.save(recordOf('1')), store.save(recordOf('2'))])
    await store.delete(recordOf('1').key)
    await store.delete(recordOf('1').key)
    assert.equal([...store.list()], [recordOf('2')])
  })

  contract('the store keeps its own copy of what it was given', async (store) => {
    const record = recordOf('1')
    await store.save(record)
    record.header.fill(0)
    assert.equal([...store.list()], [recordOf('1')])
  })

  contract('a thousand records are saved at the same time', async (store) => {
    const key = (at: number) => ({ pool: 'b2'.repeat(32), handoff: at.toString(16).padStart(32, '0') })
    await Promise.all(Array.from({ length: 1000 }, (_, at) => store.save(recordOf('1', { key: key(at), epoch: at }))))
    assert.is(new Set([...store.list()].map(({ epoch }) => epoch)).size, 1000)
  })

  test('a store that is closed refuses, after what was under way is done; closing twice is once', async () => {
    const store = await open()
    const saved = store.save(recordOf('1'))
    const closing = store[Symbol.asyncDispose]()
    await saved
    await Promise.all([closing, store[Symbol.asyncDispose]()])
    const code = await store.save(recordOf('2')).catch((error: HeirloomError) => error.code)
    assert.is(code, 'draining')
  })

  test.run()
}
