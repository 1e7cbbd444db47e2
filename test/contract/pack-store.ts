// What every pack store must do. A store's own test registers this suite with a factory of empty stores.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { HeirloomError } from '../../src/errors.ts'
import { packBytesMax, packsMax } from '../../src/limits/wire.ts'
import type { HandoffKey, PackStore } from '../../relay/store/store.ts'

const one: HandoffKey = { pool: 'a1'.repeat(32), handoff: 'b2'.repeat(16) }
const other: HandoffKey = { pool: one.pool, handoff: 'c3'.repeat(16) }
const foreign: HandoffKey = { pool: 'd4'.repeat(32), handoff: one.handoff }

/** Bytes that differ for each pack and each place in it. */
function packOf(number: number, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, at) => (number * 31 + at * 7 + (at >>> 8)) & 0xff)
}

async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(
    () => undefined,
    (error: HeirloomError) => error.code,
  )
}

/** Registers the contract for one implementation; `open` gives an empty store, and what disposing it must remove is its own affair. */
export function testPackStore(name: string, open: () => Promise<PackStore>): void {
  const test = suite(`pack store contract: ${name}`)

  const contract = (behaviour: string, check: (store: PackStore) => Promise<void>) =>
    test(behaviour, async () => {
      await using store = await open()
      await check(store)
    })

  contract('a pack that was put in pieces comes back whole', async (store) => {
    const pack = packOf(3, 10_000)
    await store.put(one, 3, [pack.subarray(0, 1), new Uint8Array(0), pack.subarray(1, 7000), pack.subarray(7000)])
    assert.equal(await store.get(one, 3), pack)
    assert.ok(store.have(one).has(3))
    assert.is(store.bytes(one), 10_000)
    assert.equal([...store.list()], [{ key: one, bytes: 10_000, packs: 1 }])
  })

  contract('a pack’s memory may be used for something else as soon as it is written', async (store) => {
    const [pack, memory] = [packOf(3, 10_000), packOf(3, 10_000)]
    let isWritten = false
    const onWritten = () => {
      memory.fill(0)
      isWritten = true
    }
    await store.put(one, 3, [memory.subarray(0, 5000), memory.subarray(5000)], { onWritten })
    assert.ok(isWritten)
    assert.equal(await store.get(one, 3), pack)
  })

  contract('an empty pack and a pack of the largest size are kept', async (store) => {
    const largest = new Uint8Array(packBytesMax).fill(9)
    await Promise.all([store.put(one, 0, []), store.put(one, packsMax - 1, [largest])])
    assert.equal(await store.get(one, 0), new Uint8Array(0))
    assert.ok(Buffer.from(largest).equals((await store.get(one, packsMax - 1))!))
  })

  contract('a pack of very many small pieces is kept', async (store) => {
    const pack = packOf(1, 5000)
    await store.put(
      one,
      1,
      Array.from(pack, (_, at) => pack.subarray(at, at + 1)),
    )
    assert.equal(await store.get(one, 1), pack)
  })

  contract('what is absent is undefined, and asking for it leaves nothing behind', async (store) => {
    assert.is(await store.get(one, 0), undefined)
    assert.is(store.have(one).size, 0)
    assert.is(store.bytes(one), 0)
    await store.put(one, 5, [packOf(5, 10)])
    assert.is(await store.get(one, 4), undefined)
    assert.is(await store.get(other, 5), undefined)
    assert.is([...store.list()].length, 1)
  })

  contract('a second put of a number changes nothing', async (store) => {
    await store.put(one, 0, [packOf(0, 100)])
    await store.put(one, 0, [packOf(1, 300)])
    assert.equal(await store.get(one, 0), packOf(0, 100))
    assert.is(store.bytes(), 100)
  })

  contract('puts of one number at the same time store it once', async (store) => {
    await Promise.all(Array.from({ length: 8 }, () => store.put(one, 7, [packOf(7, 100)])))
    assert.equal(await store.get(one, 7), packOf(7, 100))
    assert.is(store.bytes(one), 100)
    assert.is(store.have(one).size, 1)
  })

  contract('many packs put at the same time, in any order, are all kept', async (store) => {
    const numbers = Array.from({ length: 200 }, (_, at) => (at * 73) % 200)
    await Promise.all(numbers.map((number) => store.put(one, number, [packOf(number, 50 + number)])))
    assert.ok(store.have(one).hasAllBelow(200))
    for (const number of numbers) assert.equal(await store.get(one, number), packOf(number, 50 + number))
  })

  contract('packs that are read while others are put, all at the same time, are as they were put', async (store) => {
    const numbers = Array.from({ length: 100 }, (_, number) => number)
    await Promise.all(numbers.map((number) => store.put(one, number, [packOf(number, 5000)])))
    const puts = numbers.map((number) => store.put(one, 100 + number, [packOf(number, 5000)]))
    const read = await Promise.all(numbers.map((number) => store.get(one, number)))
    await Promise.all(puts)
    read.push(...(await Promise.all(numbers.map((number) => store.get(one, 100 + number)))))
    for (const [at, pack] of read.entries()) assert.equal(pack, packOf(at % 100, 5000))
  })

  contract('handoffs and pools are kept apart, and bytes add up', async (store) => {
    await Promise.all([one, other, foreign].map((key, at) => store.put(key, 0, [packOf(at, 10 * (at + 1))])))
    assert.equal(await store.get(other, 0), packOf(1, 20))
    assert.equal(await store.get(foreign, 0), packOf(2, 30))
    assert.is(store.bytes(), 60)
    assert.is(store.bytes(foreign), 30)
    assert.is([...store.list()].length, 3)
  })

  contract('the view of what is there stays live', async (store) => {
    await store.put(one, 0, [packOf(0, 1)])
    const view = store.have(one)
    await store.put(one, 1, [packOf(1, 1)])
    assert.ok(view.has(1))
  })

  contract('a number or a pack beyond the bounds is refused', async (store) => {
    const wrong = [-1, 0.5, packsMax, Number.NaN].map((number) => store.put(one, number, [packOf(0, 1)]))
    wrong.push(store.put(one, 0, [new Uint8Array(packBytesMax), new Uint8Array(1)]))
    assert.equal(await Promise.all(wrong.map(codeOf)), Array(5).fill('too-large'))
    assert.is(store.bytes(), 0)
  })

  contract('a key that is no key is a defect and leads nowhere', async (store) => {
    for (const key of [
      { pool: '..', handoff: one.handoff },
      { pool: one.pool, handoff: '../../x' },
      { pool: one.pool.toUpperCase(), handoff: one.handoff },
    ]) {
      let thrown = false
      await store.put(key, 0, []).catch(() => (thrown = true))
      assert.ok(thrown)
    }
  })

  contract('a drop forgets one handoff and no other, and can be repeated', async (store) => {
    await Promise.all([store.put(one, 0, [packOf(0, 10)]), store.put(other, 0, [packOf(1, 20)])])
    await Promise.all([store.drop(one), store.drop(one)])
    await store.drop(one)
    assert.is(await store.get(one, 0), undefined)
    assert.is(store.have(one).size, 0)
    assert.is(store.bytes(), 20)
    assert.equal([...store.list()], [{ key: other, bytes: 20, packs: 1 }])
  })

  contract('a handoff that was dropped can be put again', async (store) => {
    await store.put(one, 0, [packOf(0, 10)])
    await store.drop(one)
    await store.put(one, 0, [packOf(9, 30)])
    assert.equal(await store.get(one, 0), packOf(9, 30))
    assert.is(store.bytes(), 30)
  })

  contract('a drop while packs are being put fails those puts and leaves nothing', async (store) => {
    await store.put(one, 0, [packOf(0, 10)])
    const puts = Array.from({ length: 20 }, (_, at) => codeOf(store.put(one, at + 1, [packOf(at, 5000)])))
    const dropped = store.drop(one)
    assert.equal(await Promise.all(puts), Array(20).fill('not-found'))
    await dropped
    assert.is(store.bytes(), 0)
    assert.equal([...store.list()], [])
    assert.is(await store.get(one, 0), undefined)
  })

  contract('a drop while packs are being read gives them whole or not at all', async (store) => {
    const numbers = Array.from({ length: 20 }, (_, number) => number)
    await Promise.all(numbers.map((number) => store.put(one, number, [packOf(number, 5000)])))
    const gets = numbers.map((number) => store.get(one, number))
    await store.drop(one)
    for (const [number, pack] of (await Promise.all(gets)).entries()) if (pack !== undefined) assert.equal(pack, packOf(number, 5000))
  })

  contract('a pack that was read is the reader’s own', async (store) => {
    await store.put(one, 0, [packOf(0, 100)])
    const first = (await store.get(one, 0))!
    first.fill(0)
    assert.equal(await store.get(one, 0), packOf(0, 100))
    assert.is(first.buffer.byteLength, 100)
  })

  test('a store that is closed refuses, after what was under way is done; closing twice is once', async () => {
    const store = await open()
    const put = store.put(one, 0, [packOf(0, 10)])
    const closing = store[Symbol.asyncDispose]()
    await put
    await Promise.all([closing, store[Symbol.asyncDispose]()])
    assert.is(await codeOf(store.put(one, 1, [])), 'draining')
    assert.is(await codeOf(store.get(one, 0)), 'draining')
    assert.is(await codeOf(store.drop(one)), 'draining')
  })

  test.run()
}
