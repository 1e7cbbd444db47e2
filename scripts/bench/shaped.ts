// What comes through a link of 400 Mbit/s: of the link in payload, beyond it when the state shrinks; and what an application keeps of it while a
// handoff may take half.

import { hasIperf3, iperf3Rate } from './iperf3.ts'
import type { Plan } from './plan.ts'
import { row, type Row } from './series.ts'
import { ShapedLink } from './shaped-link.ts'
import { Stage } from './stage.ts'

const linkMegabits = 400
const linkMegabytes = linkMegabits / 8
/** An application that needs less than what the handoff leaves. */
const applicationMegabits = 0.45 * linkMegabits
const handoffBytesPerSecond = (linkMegabytes * 1e6) / 2
/** Of state: some seconds of the link. */
const mebibytes = 192
/** The application's part of a run, which a handoff at half of the link outlasts. */
const applicationSeconds = 4

export async function measureShaped({ folder, rounds, signal, note }: Plan): Promise<Row[]> {
  const names = ['plain', 'random', 'json', 'alone', 'beside'] as const
  const runs = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<(typeof names)[number], number[]>
  const hasPlain = await hasIperf3()
  for (let round = 0; round < rounds; round++) {
    await using link = await ShapedLink.open(linkMegabits, signal)
    await using stage = await Stage.open(folder, signal, link.near)
    runs.random.push(await handoffRate(stage, link, { content: 'random', count: mebibytes }))
    runs.json.push(await handoffRate(stage, link, { content: 'json', count: 4 * mebibytes }))
    if (hasPlain) {
      runs.plain.push(await iperf3Rate({ link, mebibytes }, signal))
      const application = { link, seconds: applicationSeconds, megabits: applicationMegabits }
      runs.alone.push(await iperf3Rate(application, signal))
      const handoff = { content: 'random' as const, count: mebibytes, bytesPerSecondMax: handoffBytesPerSecond }
      const [, beside] = await Promise.all([handoffRate(stage, link, handoff), iperf3Rate(application, signal)])
      runs.beside.push(beside)
    }
    note(`shaped: round ${round + 1} of ${rounds}`)
  }
  const whole = runs.random.map(() => linkMegabytes)
  const what = `${linkMegabits} Mbit/s`
  return [
    ...(hasPlain ? [row(`${what}: plain TCP stream, iperf3`, 'MB/s', runs.plain, { baseline: whole })] : []),
    row(`${what}: fast lane, random, of the link`, 'MB/s', runs.random, { baseline: whole, target: { least: 0.95 } }),
    row(`${what}: fast lane, JSON, of the link`, 'MB/s', runs.json, { baseline: whole, target: { least: 1 } }),
    ...(hasPlain
      ? [
          row(`${what}: an application at 45 % of it`, 'MB/s', runs.alone),
          row(`${what}: the same beside a handoff at half of it`, 'MB/s', runs.beside, { baseline: runs.alone, target: { least: 0.95 } }),
        ]
      : []),
  ]
}

interface Handoff {
  readonly content: 'random' | 'json'
  readonly count: number
  readonly bytesPerSecondMax?: number
}

async function handoffRate(stage: Stage, { near, far }: ShapedLink, { count, ...how }: Handoff): Promise<number> {
  const receiver = stage.memoryEnd('receive', count, 'fast', far)
  await stage.line(receiver, 'waiting')
  const sender = stage.memoryEnd('send', count, 'fast', { ...near, ...how })
  const { megabytesPerSecond } = await stage.line(receiver, 'rate')
  await Promise.all([stage.expectEnd(sender), stage.expectEnd(receiver)])
  return Number(megabytesPerSecond)
}
