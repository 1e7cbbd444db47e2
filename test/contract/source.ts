// What every source must do, whatever it reads from. Run by each adapter's own test with a setup of its own.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isLeftOut, type Chunk, type ChunkKind, type ChunkPart, type LeftOut } from '../../src/chunk/chunk.ts'
import { HeirloomError } from '../../src/errors.ts'
import { chunkIdBytesMax, packBytesTarget } from '../../src/limits/wire.ts'
import type { InventoryQuery, Source } from '../../peer/source/source.ts'

export interface SourceSetup extends AsyncDisposable {
  readonly source: Source
  /** Takes away what stands behind a chunk. */
  remove(id: string): void | Promise<void>
}

export interface SourceFixture {
  /** A source of these chunks; ids are the adapter's own for the given names. */
  open(content: ReadonlyMap<string, Uint8Array>): Promise<SourceSetup>
  /** A source whose other side is not there. */
  openAbsent(): Promise<Source>
  /** The ids under which a name's content is listed, in order, and how it is cut. */
  idsOf(name: string, bytes: number): string[]
  /** Of a source that doesn't tell the content itself: what it tells of it. All of its chunks are metadata. */
  describes?(name: string, bytes: number, told: Buffer): boolean
}

export const query: InventoryQuery = { handoff: '00', reason: 'test', deadlineMs: 60_000, rateBytesPerSecond: 1e8, budgetBytes: 1e9 }

export const never = () => ({ signal: new AbortController().signal })

export async function list(source: Source, options = never()): Promise<Chunk[]> {
  return (await Array.fromAsync(source.inventory(query, options))).flat()
}

export async function readAll(source: Source, chunks: readonly Chunk[], options = never()): Promise<(ChunkPart | LeftOut)[]> {
  return (await Array.fromAsync(source.read(chunks, options))).flat()
}

/** The parts of one chunk put together; fails if they are not whole and in order. */
export function contentOf(id: string, parts: readonly (ChunkPart | LeftOut)[]): Buffer {
  const own = parts.filter((part) => part.chunk.id === id)
  let offset = 0
  const pieces = own.map((part) => {
    if (isLeftOut(part)) throw new Error(`${id} was left out: ${part.leftOut} ${part.detail}`)
    assert.is(part.offset, offset, `${id}: parts come in order`)
    assert.ok(part.bytes.byteLength <= packBytesTarget, `${id}: a part is no larger than a pack`)
    assert.is(part.chunkBytes, (own[0] as ChunkPart).chunkBytes, `${id}: all parts say the same size`)
    offset += part.bytes.byteLength
    return part.bytes
  })
  assert.is(offset, (own[0] as ChunkPart | undefined)?.chunkBytes, `${id}: all bytes come`)
  return Buffer.concat(pieces)
}

export function leftOutOf(id: string, parts: readonly (ChunkPart | LeftOut)[]): LeftOut {
  const found = parts.filter((part) => part.chunk.id === id).find(isLeftOut)
  if (found === undefined) throw new Error(`${id} was not left out`)
  return found
}

const samples = (): Map<string, Uint8Array> =>
  new Map([
    ['one', Buffer.from('the first')],
    ['empty', Buffer.alloc(0)],
    ['näme with ☃ and %2F#', Buffer.from('odd')],
    ['page', Buffer.alloc(4096, 'p')],
    ['as large as a pack', Buffer.alloc(packBytesTarget, 'q')],
    ['larger than a pack', Buffer.alloc(2 * packBytesTarget + 5, 'larger ')],
  ])

async function remaining(reading: AsyncIterator<(ChunkPart | LeftOut)[]>): Promise<(ChunkPart | LeftOut)[]> {
  const parts: (ChunkPart | LeftOut)[] = []
  for (let next = await reading.next(); next.done !== true; next = await reading.next()) parts.push(...next.value)
  return parts
}

/** Runs the contract for one adapter. */
export function testSource(name: string, fixture: SourceFixture): void {
  const test = suite(`source contract: ${name}`)
  const kinds: readonly ChunkKind[] = ['metadata', 'data']

  test('every chunk is listed once, with an id and kind that can travel', async () => {
    await using setup = await fixture.open(samples())
    const chunks = await list(setup.source)
    assert.is(new Set(chunks.map(({ id }) => id)).size, chunks.length)
    for (const { id, kind } of chunks) assert.ok(Buffer.byteLength(id) <= chunkIdBytesMax && kinds.includes(kind), id)
    const own = fixture.describes === undefined ? 'data' : 'metadata'
    const data = chunks.filter(({ kind }) => kind === own).map(({ id }) => id)
    const expected = [...samples()].flatMap(([name, bytes]) => fixture.idsOf(name, bytes.byteLength))
    assert.equal(data.sort(), expected.sort())
  })

  test('what is read is what is there, byte for byte', async () => {
    await using setup = await fixture.open(samples())
    const parts = await readAll(setup.source, await list(setup.source))
    for (const [name, bytes] of samples()) {
      const content = Buffer.concat(fixture.idsOf(name, bytes.byteLength).map((id) => contentOf(id, parts)))
      const isRight = fixture.describes?.(name, bytes.byteLength, content) ?? content.equals(bytes)
      assert.ok(isRight, `${name}: ${content.subarray(0, 200).toString()}`)
    }
  })

  test('chunks are read in the order in which they are asked for', async () => {
    const content = new Map(Array.from({ length: 700 }, (_, index) => [`n${index}`, Buffer.from(`content ${index}`)]))
    await using setup = await fixture.open(content)
    const chunks = (await list(setup.source)).reverse()
    const parts = await readAll(setup.source, chunks)
    assert.equal(
      parts.map(({ chunk }) => chunk.id),
      chunks.map(({ id }) => id),
    )
  })

  test('the inventory and the reading can be repeated', async () => {
    await using setup = await fixture.open(samples())
    await setup.source.warm(never())
    const first = await list(setup.source)
    await readAll(setup.source, first)
    await setup.source.warm(never())
    const again = await list(setup.source)
    assert.equal(
      again.map(({ id }) => id),
      first.map(({ id }) => id),
    )
    assert.is((await readAll(setup.source, again)).filter(isLeftOut).length, 0)
  })

  test('a chunk that is gone is left out as vanished, and no other', async () => {
    await using setup = await fixture.open(samples())
    const chunks = await list(setup.source)
    await setup.remove('page')
    const parts = await readAll(setup.source, chunks)
    const [id] = fixture.idsOf('page', 4096)
    assert.is(leftOutOf(id!, parts).leftOut, 'vanished')
    assert.equal(
      parts.filter(isLeftOut).map(({ chunk }) => chunk.id),
      [id],
    )
  })

  test('a reading that is abandoned in the middle leaves the source usable', async () => {
    await using setup = await fixture.open(
      new Map(Array.from({ length: 100 }, (_, index) => [`n${index}`, Buffer.alloc(packBytesTarget / 4)])),
    )
    const chunks = await list(setup.source)
    for await (const parts of setup.source.read(chunks, never())) {
      assert.ok(parts.length > 0)
      break
    }
    assert.is((await readAll(setup.source, chunks)).filter(isLeftOut).length, 0)
  })

  test('several read at a time, each what it asked for; one that does not go on holds up none of the others', async () => {
    const content = new Map(Array.from({ length: 60 }, (_, index) => [`n${index}`, Buffer.alloc(packBytesTarget / 4, `${index} `)]))
    await using setup = await fixture.open(content)
    const chunks = await list(setup.source)
    const shares = [0, 1, 2].map((turn) => chunks.filter((_, index) => index % 3 === turn))
    const readers = shares.length
    const [held, ...others] = shares.map((share) => setup.source.read(share, { ...never(), readers })[Symbol.asyncIterator]())
    const first = await held!.next()
    const whole = await Promise.all(others.map((reading) => remaining(reading)))
    const read = [[...((first.value as (ChunkPart | LeftOut)[] | undefined) ?? []), ...(await remaining(held!))], ...whole]
    for (const [index, found] of read.entries()) {
      const ids = [...new Set(found.map((part) => (isLeftOut(part) ? 'left out' : part.chunk.id)))]
      assert.equal(
        ids,
        shares[index]!.map(({ id }) => id),
      )
      for (const { id, kind } of shares[index]!)
        if (kind === 'data') assert.ok(content.values().some((own) => own.equals(contentOf(id, found))))
    }
  })

  test('an aborted signal ends the reading with its reason', async () => {
    await using setup = await fixture.open(samples())
    const chunks = await list(setup.source)
    const controller = new AbortController()
    const reason = new HeirloomError('timeout', 'over')
    const reading = setup.source.read(chunks, { signal: controller.signal })[Symbol.asyncIterator]()
    controller.abort(reason)
    assert.is(await reading.next().catch((thrown: unknown) => thrown), reason)
  })

  test('a source whose other side is not there says so, with a hint', async () => {
    await using source = await fixture.openAbsent()
    const thrown = await list(source).catch((error: unknown) => error)
    assert.instance(thrown, HeirloomError)
    assert.ok((thrown as HeirloomError).hint !== undefined)
  })

  test('disposing a source twice is once', async () => {
    const setup = await fixture.open(samples())
    await list(setup.source)
    await setup.source[Symbol.asyncDispose]()
    await setup.source[Symbol.asyncDispose]()
    await setup[Symbol.asyncDispose]()
  })

  test.run()
}
