// How many items a second go from one memcached to another through two agents, from the notice to the end of the restore.

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { MemcachedServer } from '../../peer/source/memcached/server.ts'
import { HeirloomError } from '../../src/errors.ts'
import type { Plan } from './plan.ts'
import { row, type Row } from './series.ts'
import { Stage } from './stage.ts'
import { keyOf, valueBytesOf } from './zipf.ts'

const batch = 1000
const mebibyte = 1024 * 1024
const patienceMs = 30_000

export async function measureMemcached(plan: Plan): Promise<Row[]> {
  const runs: number[] = []
  for (let round = 0; round < plan.rounds; round++) {
    await using stage = await Stage.open(plan.folder, plan.signal)
    const from = startServer(stage, 'from')
    const to = startServer(stage, 'to')
    await fill(from, plan)
    runs.push(await handOver(stage, { from, to, keys: plan.keys }))
    plan.note(`memcached: round ${round + 1} of ${plan.rounds}`)
  }
  return [row(`memcached: ${plan.keys} items of 100 to 1000 bytes`, 'items/s', runs, { target: { least: 100_000 } })]
}

function startServer(stage: Stage, name: string): string {
  const path = join(stage.folder, `${name}.sock`)
  stage.server('memcached', ['-s', path, '-m', '4096', '-u', 'root', '-t', '2'])
  return `unix:${path}`
}

async function fill(url: string, { keys, signal }: Plan): Promise<void> {
  using server = new MemcachedServer(url)
  const link = await server.link({ signal, patienceMs })
  const content = randomBytes(mebibyte)
  for (let from = 0; from < keys; from += batch) {
    const commands = link.batch()
    for (let index = from; index < Math.min(keys, from + batch); index++) {
      const start = (index * 7919) % (mebibyte - 1000)
      const bytes = valueBytesOf(index)
      commands.text(`ms ${keyOf(index)} ${bytes}\r\n`)
      commands.copy(content, start, start + bytes)
      commands.text('\r\n')
    }
    link.recycle(await link.send(commands, { signal }))
  }
}

/** Items a second. */
async function handOver(stage: Stage, { from, to, keys }: { from: string; to: string; keys: number }): Promise<number> {
  const source = (url: string) => ({ name: 'pages', kind: 'memcached', url })
  const successor = await stage.agentOf('successor', source(to))
  await stage.line(successor, 'ready')
  const predecessor = await stage.agentOf('predecessor', source(from))
  await stage.line(predecessor, 'warmed')
  const startedMs = performance.now()
  predecessor.tell('SIGTERM')
  await stage.line(successor, 'handoff-end')
  const tookMs = performance.now() - startedMs
  await stage.expectEnd(predecessor)
  using server = new MemcachedServer(to)
  const link = await server.link({ signal: stage.signal })
  const arrived = Number((await link.stats({ signal: stage.signal })).get('curr_items'))
  if (arrived < keys) throw new HeirloomError('internal', `${arrived} of ${keys} items arrived`)
  return (keys * 1000) / tookMs
}
