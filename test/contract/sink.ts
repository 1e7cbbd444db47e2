// What every sink must do, whatever it restores into. Run by each adapter's own test with a setup of its own.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { packBytesTarget } from '../../src/limits/wire.ts'
import type { IncomingFragment, RecalledFragment, Sink, SinkEnd } from '../../peer/source/source.ts'
import { counted } from '../helpers/counted-sink.ts'
import { never } from './source.ts'

export interface SinkSetup extends AsyncDisposable {
  readonly sink: Sink
  /** Another sink in the place of this one, as after a restart of the process. */
  restart(): Promise<Sink>
  /** What an application would find under a name now; undefined for nothing. */
  restored(name: string): Uint8Array | undefined | Promise<Uint8Array | undefined>
}

export interface SinkFixture {
  open(): Promise<SinkSetup>
  /** One chunk whose content is restored under a name, in fragments that end at these places. */
  fragmentsOf(name: string, content: Uint8Array, ends?: readonly number[]): IncomingFragment[]
  /** Of a sink that isn't given the content itself: what it is given under a name, of about so many bytes. */
  describe?(name: string, bytes: number): Buffer
  /** A fragment that must be refused. */
  refusedFragment(): IncomingFragment
}

export const end: SinkEnd = { complete: true, receipt: '{"receipt":1}' }

/** A content in fragments with the given ends. */
export function cut(content: Uint8Array, ends: readonly number[] = []): { offset: number; bytes: Uint8Array }[] {
  return [...ends, content.byteLength].map((to, index, all) => {
    const offset = index === 0 ? 0 : all[index - 1]!
    return { offset, bytes: content.subarray(offset, to) }
  })
}

function recalled({ bytes, ...head }: IncomingFragment): RecalledFragment {
  return { ...head, length: bytes.byteLength }
}

/** The fixture with sinks that count as an heir does. */
async function open(fixture: SinkFixture) {
  const setup = await fixture.open()
  return {
    sink: counted(setup.sink),
    restart: async () => counted(await setup.restart()),
    restored: (name: string) => setup.restored(name),
    [Symbol.asyncDispose]: () => setup[Symbol.asyncDispose](),
  }
}

/** Runs the contract for one adapter. */
export function testSink(name: string, fixture: SinkFixture): void {
  const test = suite(`sink contract: ${name}`)
  const contentOf = (name: string, content: Buffer): Buffer => fixture.describe?.(name, content.byteLength) ?? content
  const large = contentOf('large', Buffer.alloc(3 * packBytesTarget + 7, 'large content '))
  const thirds = [packBytesTarget, 2 * packBytesTarget]

  test('whole chunks are restored and counted', async () => {
    await using setup = await open(fixture)
    const contents = { one: Buffer.from('1'), empty: Buffer.alloc(0), page: Buffer.alloc(4096, 'x'), 'näme ☃ %2F': Buffer.from('odd') }
    const given = Object.entries(contents).map(([name, content]) => [name, contentOf(name, content)] as const)
    const fragments = given.flatMap(([name, content]) => fixture.fragmentsOf(name, content))
    const bytes = fixture.describe === undefined ? 4100 : given.reduce((sum, [, content]) => sum + content.byteLength, 0)
    assert.equal(await setup.sink.restore(fragments, never()), { chunks: 4, bytes, unfinished: [], refused: [] })
    for (const [name, content] of given) assert.ok(content.equals((await setup.restored(name))!), name)
    assert.equal(await setup.sink.finish(end, never()), { dropped: 0 })
  })

  test('the same fragments may come again', async () => {
    await using setup = await open(fixture)
    const twice = contentOf('twice', Buffer.from('content'))
    const fragments = fixture.fragmentsOf('twice', twice)
    assert.is((await setup.sink.restore(fragments, never())).chunks, 1)
    assert.equal(await setup.sink.restore(fragments, never()), { chunks: 0, bytes: 0, unfinished: [], refused: [] })
    assert.ok(twice.equals((await setup.restored('twice'))!))
  })

  test('a chunk in fragments appears when the last one is there, in whatever order and number they come', async () => {
    await using setup = await open(fixture)
    const [first, second, third] = fixture.fragmentsOf('large', large, thirds) as [IncomingFragment, IncomingFragment, IncomingFragment]
    assert.equal(await setup.sink.restore([third], never()), { chunks: 0, bytes: 0, unfinished: [0], refused: [] })
    assert.equal((await setup.sink.restore([first, third], never())).unfinished, [0, 1])
    assert.is(await setup.restored('large'), undefined)
    assert.equal(await setup.sink.restore([second], never()), { chunks: 1, bytes: large.byteLength, unfinished: [], refused: [] })
    assert.ok(large.equals((await setup.restored('large'))!))
  })

  test('fragments that were cut differently are put together right', async () => {
    await using setup = await open(fixture)
    const coarse = fixture.fragmentsOf('large', large, [2 * packBytesTarget])
    const fine = fixture.fragmentsOf('large', large, [100, packBytesTarget + 9, 3 * packBytesTarget])
    // The overlap is as long as what is missing: whoever only counts bytes takes this for complete.
    const early = await setup.sink.restore([coarse[0]!, fine[0]!, fine[1]!], never())
    assert.is(early.chunks, 0)
    assert.is((await setup.sink.restore([fine[3]!, fine[2]!], never())).chunks, 1)
    assert.ok(large.equals((await setup.restored('large'))!))
  })

  test('what was unfinished when the process ended is finished by the next one', async () => {
    await using setup = await open(fixture)
    const fragments = fixture.fragmentsOf('large', large, thirds)
    const { unfinished } = await setup.sink.restore(fragments.slice(0, 2), never())
    assert.equal(unfinished, [0, 1])
    const next = await setup.restart()
    await next.recall(fragments.slice(0, 2).map(recalled), never())
    assert.is((await next.restore(fragments.slice(2), never())).chunks, 1)
    assert.ok(large.equals((await setup.restored('large'))!))
    assert.equal(await next.finish(end, never()), { dropped: 0 })
  })

  test('a fragment that comes again after a restart that lost its acknowledgement counts with its chunk', async () => {
    await using setup = await open(fixture)
    const fragments = fixture.fragmentsOf('large', large, thirds)
    await setup.sink.restore(fragments.slice(0, 2), never())
    await setup.sink.restore(fragments.slice(2), never())
    // The journal has the first two; the end of the third was never written down.
    const next = await setup.restart()
    await next.recall(fragments.slice(0, 2).map(recalled), never())
    const outcome = await next.restore(fragments.slice(2), never())
    assert.is(outcome.chunks + outcome.unfinished.length, 1)
    assert.ok(large.equals((await setup.restored('large'))!))
  })

  test('what stays unfinished is dropped at the end, and counted', async () => {
    await using setup = await open(fixture)
    await setup.sink.restore(fixture.fragmentsOf('large', large, thirds).slice(1), never())
    assert.equal(await setup.sink.finish({ ...end, complete: false }, never()), { dropped: 1 })
    assert.is(await setup.restored('large'), undefined)
  })

  test('what must be refused costs nothing else', async () => {
    await using setup = await open(fixture)
    const bad = fixture.refusedFragment()
    const good = contentOf('good', Buffer.from('good'))
    const { chunks, refused } = await setup.sink.restore([bad, ...fixture.fragmentsOf('good', good)], never())
    assert.is(chunks, 1)
    assert.equal(
      refused.map(({ id }) => id),
      [bad.id],
    )
    assert.ok(refused[0]!.reason.length > 0)
    assert.ok(good.equals((await setup.restored('good'))!))
  })

  test('several packs may be restored at a time', async () => {
    await using setup = await open(fixture)
    const contentIn = (pack: number, index: number) => contentOf(`n${pack}-${index}`, Buffer.from(`content ${pack}-${index}`))
    const packs = Array.from({ length: 8 }, (_, pack) =>
      Array.from({ length: 50 }, (_, index) => fixture.fragmentsOf(`n${pack}-${index}`, contentIn(pack, index))).flat(),
    )
    const outcomes = await Promise.all(packs.map((fragments) => setup.sink.restore(fragments, never())))
    assert.is(
      outcomes.reduce((sum, { chunks }) => sum + chunks, 0),
      400,
    )
    for (let pack = 0; pack < 8; pack++) assert.ok(contentIn(pack, 49).equals((await setup.restored(`n${pack}-49`))!))
  })

  test('disposing a sink twice is once', async () => {
    const setup = await fixture.open()
    await setup.sink[Symbol.asyncDispose]()
    await setup.sink[Symbol.asyncDispose]()
    await setup[Symbol.asyncDispose]()
  })

  test.run()
}
