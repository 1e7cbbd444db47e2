// How fast packs go over each lane, against a bare libp2p stream. All are measured in turn, round by round, so that whatever else
// the machine does meets all of them.

import type { Plan } from './plan.ts'
import { row, type Row } from './series.ts'
import { Stage } from './stage.ts'

export async function measureRates(plan: Plan): Promise<Row[]> {
  const rounds = { bare: [] as number[], link: [] as number[], stream: [] as number[], put: [] as number[], get: [] as number[] }
  for (let round = 0; round < plan.rounds; round++) {
    await using stage = await Stage.open(plan.folder, plan.signal)
    rounds.bare.push(await bareRate(stage, 'bare', plan.rateMebibytes))
    rounds.link.push(await bareRate(stage, 'link', plan.rateMebibytes))
    rounds.stream.push(await streamRate(stage, plan.rateMebibytes))
    const { put, get } = await storeRates(stage, plan.rateMebibytes)
    rounds.put.push(put)
    rounds.get.push(get)
    plan.note(`rates: round ${round + 1} of ${plan.rounds}`)
  }
  const baseline = rounds.bare
  return [
    row('bare libp2p stream', 'MB/s', rounds.bare),
    row("bare stream over Heirloom's link", 'MB/s', rounds.link, { baseline }),
    row('stream lane', 'MB/s', rounds.stream, { baseline, target: { least: 0.85 } }),
    row('store lane, put', 'MB/s', rounds.put, { baseline, target: { least: 0.6 } }),
    row('store lane, get', 'MB/s', rounds.get, { baseline, target: { least: 0.6 } }),
  ]
}

async function bareRate(stage: Stage, what: 'bare' | 'link', count: number): Promise<number> {
  const receiver = stage.end({ part: `receive-${what}` })
  const { address } = await stage.line(receiver, 'listening')
  const sender = stage.end({ part: `send-${what}`, address: String(address), count })
  const { megabytesPerSecond } = await stage.line(receiver, 'rate')
  await Promise.all([stage.expectEnd(sender), stage.expectEnd(receiver)])
  return Number(megabytesPerSecond)
}

async function streamRate(stage: Stage, count: number): Promise<number> {
  const receiver = stage.memoryEnd('receive', count, 'stream')
  await stage.line(receiver, 'waiting')
  const sender = stage.memoryEnd('send', count, 'stream')
  const { megabytesPerSecond } = await stage.line(receiver, 'rate')
  await Promise.all([stage.expectEnd(sender), stage.expectEnd(receiver)])
  return Number(megabytesPerSecond)
}

/** The put is over before the get begins. */
async function storeRates(stage: Stage, count: number): Promise<{ put: number; get: number }> {
  const sender = stage.memoryEnd('send', count, 'store')
  const put = await stage.line(sender, 'rate')
  await stage.expectEnd(sender)
  const receiver = stage.memoryEnd('receive', count, 'store')
  const get = await stage.line(receiver, 'rate')
  await stage.expectEnd(receiver)
  return { put: Number(put['megabytesPerSecond']), get: Number(get['megabytesPerSecond']) }
}
