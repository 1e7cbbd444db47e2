// What the fast lane moves when its packs are 20 ms under way, against a plain TCP socket through the same proxy. Acknowledgements come by the stream,
// which is not delayed: the way there and back is as long as on a link of 20 ms there and back.

import { DelayProxy } from './delay-proxy.ts'
import type { Plan } from './plan.ts'
import { row, type Row } from './series.ts'
import { Stage } from './stage.ts'

const delayMs = 20
/** 1 Gbit/s: what of it is under way. */
const underWayBytesMax = (125e6 * delayMs) / 1000
/** Some seconds of it. */
const mebibytes = 256

export async function measureDelay({ folder, rounds, signal, note }: Plan): Promise<Row[]> {
  const bare: number[] = []
  const fast: number[] = []
  for (let round = 0; round < rounds; round++) {
    await using stage = await Stage.open(folder, signal)
    bare.push(await throughProxy((proxy) => bareTcpRate(stage, proxy)))
    fast.push(await throughProxy((proxy) => delayedRate(stage, proxy)))
    note(`delay: round ${round + 1} of ${rounds}`)
  }
  const what = `${delayMs} ms under way`
  return [
    row(`${what}: plain TCP socket`, 'MB/s', bare),
    row(`${what}: fast lane, of the plain socket`, 'MB/s', fast, { baseline: bare, target: { least: 0.9 } }),
  ]
}

async function throughProxy(measure: (proxy: DelayProxy) => Promise<number>): Promise<number> {
  await using proxy = await DelayProxy.open({ delayMs, underWayBytesMax })
  return await measure(proxy)
}

async function delayedRate(stage: Stage, proxy: DelayProxy): Promise<number> {
  const receiver = stage.memoryEnd('receive', mebibytes, 'fast')
  await stage.line(receiver, 'waiting')
  const sender = stage.memoryEnd('send', mebibytes, 'fast', { announcedPort: proxy.port })
  const { port } = await stage.line(sender, 'data-port')
  proxy.lead(Number(port))
  const { megabytesPerSecond } = await stage.line(receiver, 'rate')
  await Promise.all([stage.expectEnd(sender), stage.expectEnd(receiver)])
  return Number(megabytesPerSecond)
}

async function bareTcpRate(stage: Stage, proxy: DelayProxy): Promise<number> {
  const receiver = stage.end({ part: 'receive-tcp' })
  const { port } = await stage.line(receiver, 'listening')
  proxy.lead(Number(port))
  const sender = stage.end({ part: 'send-tcp', port: proxy.port, count: mebibytes })
  const { megabytesPerSecond } = await stage.line(receiver, 'rate')
  await Promise.all([stage.expectEnd(sender), stage.expectEnd(receiver)])
  return Number(megabytesPerSecond)
}
