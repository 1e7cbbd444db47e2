// What shrinks travels compressed when the link is slow; what doesn't, doesn't. Counted in what arrives.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Fleet } from '../helpers/fleet.ts'
import { seeded } from '../helpers/seed.ts'
import { treeDifferences } from '../helpers/tree.ts'

const test = suite('compression')

const fileBytes = 6 * 1024 * 1024
/** So slow that compressing pays, on any machine. */
const rate = ['--max-rate', '3MB/s', '--deadline', '60s']

/** Lines of JSON that differ, as a cache's entries do. */
function json(random: () => number): Buffer {
  const lines: string[] = []
  for (let bytes = 0; bytes < fileBytes; bytes += lines.at(-1)!.length) {
    lines.push(`${JSON.stringify({ id: lines.length, customer: Math.floor(random() * 1e6), state: 'in the basket', items: [] })}\n`)
  }
  return Buffer.from(lines.join('')).subarray(0, fileBytes)
}

function noise(random: () => number): Buffer {
  return Buffer.from(Array.from({ length: fileBytes / 4 }, () => Math.floor(random() * 2 ** 32)).flatMap(quarters))
}

const quarters = (word: number) => [word & 255, (word >>> 8) & 255, (word >>> 16) & 255, word >>> 24]

for (const lane of ['fast', 'store'] as const) {
  test(`by ${lane}: what shrinks arrives in a fraction of its bytes, and is restored as it was`, async () => {
    await using fleet = await Fleet.start()
    const source = await fleet.directory('source')
    writeFileSync(join(source, 'cache.json'), json(seeded(41)))
    const { sent, received } = await handOver(fleet, source, lane)
    const { delivered, sealed } = received['bytes'] as { delivered: number; sealed: number }
    assert.is(delivered, fileBytes)
    assert.ok(sealed < fileBytes / 2, `${sealed} bytes arrived`)
    assert.is((sent['bytes'] as { delivered: number }).delivered, fileBytes)
    assert.equal(treeDifferences(source, join(fleet.folder, 'target')), [])
  })
}

test('what does not shrink arrives as it is, with nothing but its seals', async () => {
  await using fleet = await Fleet.start()
  const source = await fleet.directory('source')
  writeFileSync(join(source, 'noise'), noise(seeded(42)))
  const { received } = await handOver(fleet, source, 'fast')
  const { delivered, sealed } = received['bytes'] as { delivered: number; sealed: number }
  assert.is(delivered, fileBytes)
  assert.ok(sealed > fileBytes && sealed < 1.01 * fileBytes, `${sealed} bytes arrived`)
  assert.equal(treeDifferences(source, join(fleet.folder, 'target')), [])
})

async function handOver(fleet: Fleet, source: string, lane: 'fast' | 'store') {
  const by = ['--lane', lane]
  const receiving = lane === 'fast' ? fleet.receive(join(fleet.folder, 'target'), by) : undefined
  if (receiving !== undefined) await fleet.waiting(1)
  const sent = await fleet.send(source, [...by, ...rate]).end()
  const received = await (receiving ?? fleet.receive(join(fleet.folder, 'target'), by)).end()
  assert.is(sent.code, 0, sent.stderr)
  assert.is(received.code, 0, received.stderr)
  return { sent: sent.result, received: received.result }
}

test.run()
