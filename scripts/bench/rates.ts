// How fast packs go over each lane, against a bare libp2p stream and a plain TCP stream. All are measured in turn, round by round, so that whatever else
// the machine does meets all of them.

import type { Child } from '../demo/child.ts'
import { hasIperf3, iperf3Rate } from './iperf3.ts'
import type { Plan } from './plan.ts'
import { row, type Row } from './series.ts'
import { Stage } from './stage.ts'

export async function measureRates(plan: Plan): Promise<Row[]> {
  const names = ['plain', 'bare', 'link', 'stream', 'sealed', 'fast', 'put', 'get'] as const
  const rounds = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<(typeof names)[number], number[]>
  const cpu = noTimes()
  const sealedCpu = noTimes()
  const hasPlain = await hasIperf3()
  for (let round = 0; round < plan.rounds; round++) {
    await using stage = await Stage.open(plan.folder, plan.signal)
    if (hasPlain) rounds.plain.push(await iperf3Rate({ mebibytes: plan.rateMebibytes }, plan.signal))
    rounds.bare.push(await bareRate(stage, 'bare', plan.rateMebibytes))
    rounds.link.push(await bareRate(stage, 'link', plan.rateMebibytes))
    rounds.stream.push(await directRate(stage, plan.rateMebibytes, 'stream'))
    rounds.sealed.push(await sealedRate(stage, plan.rateMebibytes, sealedCpu))
    rounds.fast.push(await directRate(stage, plan.rateMebibytes, 'fast', cpu))
    const { put, get } = await storeRates(stage, plan.rateMebibytes)
    rounds.put.push(put)
    rounds.get.push(get)
    plan.note(`rates: round ${round + 1} of ${plan.rounds}`)
  }
  const { bare: baseline, plain, sealed, fast, put, get } = rounds
  return [
    ...(hasPlain ? [row('plain TCP stream, iperf3', 'MB/s', plain)] : []),
    row('bare libp2p stream', 'MB/s', baseline),
    row("bare stream over Heirloom's link", 'MB/s', rounds.link, { baseline }),
    row('stream lane', 'MB/s', rounds.stream, { baseline, target: { least: 0.85 } }),
    row('bare data socket, sealed', 'MB/s', sealed, { baseline }),
    ...(hasPlain ? [row('bare data socket, sealed, of iperf3', 'MB/s', sealed, { baseline: plain })] : []),
    row('bare data socket, sealed, processor time of the sender', 'ms/MiB', sealedCpu.sender),
    row('bare data socket, sealed, processor time of the receiver', 'ms/MiB', sealedCpu.receiver),
    row('fast lane', 'MB/s', fast, { baseline, target: { least: 5 } }),
    ...(hasPlain ? [row('fast lane, of iperf3', 'MB/s', fast, { baseline: plain, target: { least: 0.65 } })] : []),
    row('fast lane, processor time of the sender', 'ms/MiB', cpu.sender),
    row('fast lane, processor time of the receiver', 'ms/MiB', cpu.receiver),
    row('store lane, put', 'MB/s', put, { baseline, target: { least: 0.6 } }),
    row('store lane, get', 'MB/s', get, { baseline, target: { least: 0.6 } }),
    row('store lane, put, of the fast lane', 'MB/s', put, { baseline: fast, target: { least: 0.5 } }),
    row('store lane, get, of the fast lane', 'MB/s', get, { baseline: fast, target: { least: 0.8 } }),
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

type Times = Record<'sender' | 'receiver', number[]>

function noTimes(): Times {
  return { sender: [], receiver: [] }
}

async function sealedRate(stage: Stage, count: number, cpu: Times): Promise<number> {
  const sender = stage.end({ part: 'send-sealed', count })
  const { port } = await stage.line(sender, 'listening')
  const receiver = stage.end({ part: 'receive-sealed', port: Number(port) })
  return await bothEnd(stage, sender, receiver, cpu)
}

async function directRate(stage: Stage, count: number, lane: 'stream' | 'fast', cpu: Times = noTimes()): Promise<number> {
  const receiver = stage.memoryEnd('receive', count, lane)
  await stage.line(receiver, 'waiting')
  return await bothEnd(stage, stage.memoryEnd('send', count, lane), receiver, cpu)
}

/** What the receiver measured, when both have ended. */
async function bothEnd(stage: Stage, sender: Child, receiver: Child, cpu: Times): Promise<number> {
  const { megabytesPerSecond, cpuMsPerMebibyte } = await stage.line(receiver, 'rate')
  const sent = await stage.line(sender, 'rate')
  await Promise.all([stage.expectEnd(sender), stage.expectEnd(receiver)])
  cpu.sender.push(Number(sent['cpuMsPerMebibyte']))
  cpu.receiver.push(Number(cpuMsPerMebibyte))
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
