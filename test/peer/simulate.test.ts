import { readFile, writeFile } from 'node:fs/promises'
import process from 'node:process'
import { Writable } from 'node:stream'
import { zstdCompressSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runHeirloom } from '../../peer/cli.ts'
import { CsvParser } from '../../peer/simulate/csv-parser.ts'
import { LisParser } from '../../peer/simulate/lis-parser.ts'
import { Trace } from '../../peer/simulate/trace.ts'
import { refused } from '../helpers/refusal.ts'
import { makeTemp } from '../helpers/temp.ts'
import { days } from '../helpers/workloads.ts'

const test = suite('simulate')

interface Result {
  readonly event: string
  readonly references: number
  readonly cachedPages: number
  readonly horizonHits: number
  readonly hitMass: Record<string, Record<string, number>>
  readonly ofOracle: Record<string, Record<string, number>>
}

async function run(...args: string[]) {
  const text = { stdout: '', stderr: '' }
  const into = (name: keyof typeof text) =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        text[name] += chunk.toString()
        done()
      },
    })
  const code = await runHeirloom(['simulate', ...args], { env: {}, stdout: into('stdout'), stderr: into('stderr') })
  const last = text.stdout.trimEnd().split('\n').at(-1)!
  return { code, ...text, result: (last.startsWith('{') ? JSON.parse(last) : {}) as Result }
}

/** Pages 0 to 7 in the history, of which the last four are cached: 7 was used last, 4 most often; then 5, 5, 4 and two others. */
const small = 'key\n0\n1\n4\n4\n4\n2\n3\n4\n5\n6\n7\n0\n1\n2\n3\n4\n5\n6\n6\n7\n5\n5\n4\n8\n0\n'

test('counts hits by hand as the contract says', async () => {
  await using temp = await makeTemp()
  await writeFile(temp.at('small.csv'), small)
  const shares = ['--history', '0.8', '--capacity', '0.5', '--horizon', '0.2', '--budget', '0.25,0.5,1']
  const { code, result } = await run('--trace', temp.at('small.csv'), ...shares, '--json')
  assert.is(code, 0)
  assert.is(result.event, 'result')
  assert.equal([result.references, result.cachedPages, result.horizonHits], [25, 4, 3])
  assert.equal(result.hitMass['lru'], { '0.25': 0, '0.5': 0, '1': 1 })
  assert.equal(result.hitMass['lfu'], { '0.25': 1 / 3, '0.5': 1 / 3, '1': 1 })
  assert.equal(result.hitMass['key'], { '0.25': 1 / 3, '0.5': 1, '1': 1 })
  assert.equal(result.hitMass['oracle'], { '0.25': 2 / 3, '0.5': 1, '1': 1 })
  assert.equal(result.ofOracle['lfu'], { '0.25': 1 / 2, '0.5': 1 / 3, '1': 1 })
  assert.equal(Object.keys(result.hitMass), ['forecast', 'lru', 'lfu', 'key', 'random', 'oracle'])
})

test('the same accesses give the same result from every format', async () => {
  await using temp = await makeTemp()
  const { keys } = days(20_000, 4)
  const lis = [...keys].map((key, at) => `${key} 1 0 ${at}\n`).join('')
  const csv = `time,"lbn",size\r\n${[...keys].map((key, at) => `${at},${key},4096\r\n`).join('')}`
  const files = { 'a.lis': lis, 'a.csv': csv, 'a.lis.zst': zstdCompressSync(lis), 'a.csv.zst': zstdCompressSync(csv) }
  const results: Result[] = []
  for (const [name, content] of Object.entries(files)) {
    await writeFile(temp.at(name), content)
    results.push((await run('--trace', temp.at(name), '--json')).result)
  }
  for (const { hitMass, ofOracle } of results)
    assert.equal({ hitMass, ofOracle }, { hitMass: results[0]!.hitMass, ofOracle: results[0]!.ofOracle })
  assert.ok(results[0]!.ofOracle['forecast']!['0.1']! > 0.7)
})

test('a file may come in pieces of any size', () => {
  const lines = '5 3 0 0\n  900000000 2 0 1 \r\n7 1 0 2'
  const table = 'obj,note\n12,"a, ""b"""\n"x,y",\nü,c'
  const pagesOf = (parser: 'lis' | 'csv', text: string, size: number) => {
    const trace = new Trace()
    const reader = parser === 'lis' ? new LisParser(trace) : new CsvParser(trace)
    const bytes = new TextEncoder().encode(text)
    for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size))
    reader.end()
    return [...trace.stretches(0, trace.length)].flatMap((pages) => [...pages])
  }
  for (const size of [1, 2, 7, 1000]) {
    assert.equal(pagesOf('lis', lines, size), [0, 1, 2, 3, 4, 2])
    assert.equal(pagesOf('csv', table, size), [0, 1, 2])
  }
})

test('a request reads a run of pages', () => {
  const trace = new Trace()
  const parser = new LisParser(trace)
  parser.push(new TextEncoder().encode('10 3 0 0\n11 2 0 1\n'))
  parser.end()
  assert.equal(
    [...trace.stretches(0, trace.length)].flatMap((pages) => [...pages]),
    [0, 1, 2, 1, 2],
  )
})

test('the random order is the same for the same seed', async () => {
  await using temp = await makeTemp()
  await writeFile(temp.at('days.csv'), `key\n${days(20_000, 4).keys.join('\n')}`)
  const random = async (seed: string) =>
    (await run('--trace', temp.at('days.csv'), '--order', 'random', '--seed', seed, '--json')).result.hitMass['random']
  assert.equal(await random('1'), await random('1'))
  assert.not.equal(await random('1'), await random('2'))
})

test('people get a table and, when they want it, a picture', async () => {
  await using temp = await makeTemp()
  await writeFile(temp.at('days.csv'), `key\n${days(20_000, 4).keys.join('\n')}`)
  const { code, stdout } = await run('--trace', temp.at('days.csv'), '--order', 'forecast,lru,oracle', '--svg', temp.at('days.svg'))
  assert.is(code, 0)
  assert.match(stdout, /^order +at 5\.0 % +at 10\.0 % +at 25\.0 % +at 50\.0 % +of oracle\nforecast .*\nlru .*\noracle .* 100\.0 %\n/)
  const svg = await readFile(temp.at('days.svg'), 'utf8')
  assert.is(svg.match(/<polyline/g)!.length, 3)
  assert.match(svg, />forecast<\/text>/)
  assert.match(svg, /^<svg [^>]*>[\s\S]*<\/svg>\n$/)
})

interface HandoffResult {
  readonly chunks: { readonly planned: number; readonly delivered: number; readonly leftOut: number }
  readonly lanes: Record<'fast' | 'store', { readonly packs: number; readonly bytes: number }>
  readonly hitMass: { readonly predicted?: number; readonly delivered: number; readonly bound: number }
  readonly warmAfterMs: Record<string, number | null>
}

async function handoffOf(file: string, ...args: string[]): Promise<Record<string, HandoffResult>> {
  const { code, stderr, result } = await run('--trace', file, '--json', ...args)
  assert.is(code, 0, stderr)
  return (result as unknown as { handoff: Record<string, HandoffResult> }).handoff
}

test('a handoff in virtual time goes to the store until the successor is there, by both lanes when time is short, and is cut at its deadline', async () => {
  await using temp = await makeTemp()
  const file = temp.at('days.csv')
  await writeFile(file, `key\n${days(20_000, 4).keys.join('\n')}`)
  const terms = ['--page-size', '256KiB', '--rate', '1MiB/s']
  const late = await handoffOf(file, ...terms, '--deadline', '30s', '--successor-after', '204s')
  for (const { chunks, lanes, hitMass, warmAfterMs } of Object.values(late)) {
    assert.equal(lanes.fast, { packs: 0, bytes: 0 })
    assert.equal(lanes.store, { packs: 30, bytes: 30 * 2 ** 20 })
    assert.equal([chunks.delivered, chunks.delivered + chunks.leftOut], [120, chunks.planned])
    assert.ok(hitMass.delivered <= hitMass.bound + 1e-9)
    for (const ms of Object.values(warmAfterMs)) assert.ok(ms === null || (ms > 204_000 && ms <= 234_000))
  }
  const best = late['oracle']!
  assert.ok(best.hitMass.delivered > 0.999 * best.hitMass.bound, JSON.stringify(best.hitMass))
  assert.ok(late['forecast']!.hitMass.delivered > 1.5 * late['random']!.hitMass.delivered)
  assert.ok(Math.abs(late['forecast']!.hitMass.predicted! - late['forecast']!.hitMass.delivered) < 0.1)

  const soon = await handoffOf(file, ...terms, '--order', 'forecast', '--deadline', '30s', '--successor-after', '10s')
  assert.equal([soon['forecast']!.lanes.fast.packs, soon['forecast']!.lanes.store.packs], [20, 30])
  // Twenty of the packs that are there at the end came at ten seconds and after; the store's first ones are fetched beside them.
  assert.ok(soon['forecast']!.warmAfterMs['0.25']! > 10_000 && soon['forecast']!.warmAfterMs['0.25']! < 30_000)

  const roomy = await handoffOf(file, ...terms, '--order', 'forecast', '--deadline', '1h', '--successor-after', '0s')
  assert.is(roomy['forecast']!.lanes.store.packs, 0)
  assert.is(roomy['forecast']!.chunks.leftOut, 0)
  assert.ok(roomy['forecast']!.hitMass.delivered > 1 - 1e-9)
})

test('people see the handoff in a table of its own', async () => {
  await using temp = await makeTemp()
  await writeFile(temp.at('days.csv'), `key\n${days(20_000, 4).keys.join('\n')}`)
  const { code, stdout } = await run('--trace', temp.at('days.csv'), '--order', 'forecast,lru', '--deadline', '1s', '--rate', '1MB/s')
  assert.is(code, 0)
  assert.match(stdout, /\nhandoff +hit mass +at most +by fast +by store +25 % after .*\nforecast +\d+\.\d % .*\nlru +/)
})

test('what is wrong in a trace is told with its line', () => {
  const wrong: [typeof LisParser | typeof CsvParser, string, RegExp][] = [
    [LisParser, '1 1 0 0\n2 1 0\n', /^line 2 has 3 fields$/],
    [LisParser, '1 1 0 0\n\n2 x 0 1', /^line 3 has something in it that is no number$/],
    [LisParser, '1 99999999999 0 0\n', /^line 1 reads 99999999999 pages/],
    [LisParser, '1 99999999999999999999 0 0\n', /^line 1 has a number that is too large$/],
    [CsvParser, 'time,page\n1,2\n', /^line 1 has no column for the key$/],
    [CsvParser, 'time,key\n1,2\n3\n', /^line 3 has 1 field where the header has 2$/],
    [CsvParser, 'time,key\n1,\n', /^line 2 has an empty key$/],
    [CsvParser, 'time,key\n1,"a\n', /^line 2 has a quote that is not closed$/],
    [CsvParser, '', /^it is empty$/],
  ]
  for (const [Parser, text, message] of wrong) {
    const parser = new Parser(new Trace())
    const error = refused(() => {
      parser.push(new TextEncoder().encode(text))
      parser.end()
    }, 'io')
    assert.match(error.message, message)
  }
})

test('wrong use exits with 64, a file that cannot be read with 74', async () => {
  await using temp = await makeTemp()
  await writeFile(temp.at('small.csv'), small)
  await writeFile(temp.at('bad.lis'), '1 1 0 0\nnothing\n')
  await writeFile(temp.at('bad.lis.zst'), 'this is not compressed')
  await writeFile(temp.at('empty.lis'), '')
  const trace = ['--trace', temp.at('small.csv')]
  const wrong: [string[], number, RegExp][] = [
    [[], 64, /--trace is missing/],
    [['--trace', temp.at('trace.txt')], 64, /named like no known trace/],
    [[...trace, '--order', 'fifo'], 64, /fifo/],
    [[...trace, '--history', '1.5'], 64, /share/],
    [[...trace, '--budget', '0.1,0'], 64, /share/],
    [[...trace, '--deadline', '0s'], 64, /more than nothing/],
    [[...trace, '--page-size', '1GB'], 64, /more than a pack holds/],
    [[...trace, '--rate', 'fast'], 64, /--rate/],
    [[...trace, '--budget', ''], 64, /budget/],
    [[...trace, '--horizon', '0'], 64, /share/],
    [[...trace, '--history', '0.95'], 64, /more than the whole trace/],
    [[...trace, '--history', '0.01'], 64, /too few/],
    [['--trace', temp.at('nowhere.lis')], 74, /nowhere\.lis/],
    [['--trace', temp.path + '/.lis'], 74, /\.lis/],
    [['--trace', temp.at('bad.lis')], 74, /bad\.lis: line 2 /],
    [['--trace', temp.at('bad.lis.zst')], 74, /bad\.lis\.zst/],
    [['--trace', temp.at('empty.lis')], 74, /no references/],
    [[...trace, '--svg', temp.at('no', 'such', 'folder.svg')], 74, /folder\.svg/],
  ]
  for (const [args, expected, message] of wrong) {
    const { code, stderr } = await run(...args)
    assert.is(code, expected, `${args.join(' ')}: ${stderr}`)
    assert.match(stderr, message)
  }
})

test('an interrupt ends the reading', async () => {
  const { readTrace } = await import('../../peer/simulate/trace-file.ts')
  await using temp = await makeTemp()
  await writeFile(temp.at('small.csv'), small)
  const error = await readTrace(temp.at('small.csv'), AbortSignal.abort(new Error('enough'))).catch((thrown: unknown) => thrown)
  assert.is((error as Error).message, 'enough')
  assert.is(process.exitCode, undefined)
})

test.run()
