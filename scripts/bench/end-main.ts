// One end of a measurement, as a process of its own: it tells what it measured in lines of JSON.

import { onInterrupt, runAsProcess } from '../../src/cli/entry.ts'
import type { Terminal } from '../../src/cli/output.ts'
import { HeirloomError } from '../../src/errors.ts'
import type { LaneKind } from '../../src/lane/lane.ts'
import { receiveBare, receiveLink, sendBare, sendLink, type Tell } from './bare.ts'
import { receiveCopy, sendCopy } from './bare-copy.ts'
import { receiveSealed, sendSealed } from './bare-sealed.ts'
import { receiveTcp, sendTcp } from './bare-tcp.ts'
import { receiveMemory, sendMemory, type MemoryEndExtras } from './memory-ends.ts'

/** What an end is told as its one argument, in JSON. */
export type EndPart =
  | { readonly part: 'receive-bare' | 'receive-link' | 'receive-tcp' }
  | { readonly part: 'send-bare' | 'send-link'; readonly address: string; readonly count: number }
  | { readonly part: 'send-tcp'; readonly port: number; readonly count: number }
  | { readonly part: 'send-sealed'; readonly count: number }
  | { readonly part: 'receive-sealed'; readonly port: number }
  | { readonly part: 'send-copy'; readonly from: string }
  | { readonly part: 'receive-copy'; readonly port: number; readonly to: string }
  | (MemoryEndExtras & {
      readonly part: 'send' | 'receive'
      readonly relay: string
      readonly keyFile: string
      readonly lanes: readonly LaneKind[]
      readonly count: number
      /** Where it listens. */
      readonly host: string
      readonly content: 'random' | 'json'
      readonly bytesPerSecondMax?: number
      readonly announcedPort?: number
      readonly journalDirectory: string
    })

async function run(what: EndPart, tell: Tell, signal: AbortSignal): Promise<void> {
  switch (what.part) {
    case 'receive-bare':
      return receiveBare(tell)
    case 'receive-link':
      return receiveLink(tell)
    case 'send-bare':
      return sendBare(what.address, what.count, signal)
    case 'send-link':
      return sendLink(what.address, what.count, signal)
    case 'receive-tcp':
      return receiveTcp(tell)
    case 'send-tcp':
      return sendTcp(what.port, what.count, signal)
    case 'send-sealed':
      return sendSealed(what.count, tell, signal)
    case 'receive-sealed':
      return receiveSealed(what.port, tell, signal)
    case 'send-copy':
      return sendCopy(what.from, tell, signal)
    case 'receive-copy':
      return receiveCopy(what.port, what.to, tell, signal)
    case 'send':
      return sendMemory(what.count, { ...what, tell, signal })
    case 'receive':
      return receiveMemory(what.count, what.journalDirectory, { ...what, tell, signal })
  }
}

async function end([argument = '']: readonly string[], { stdout, stderr }: Terminal): Promise<number> {
  using interrupt = onInterrupt()
  const { signal } = interrupt
  const tell: Tell = (event, fields) => void stdout.write(`${JSON.stringify({ event, ...fields })}\n`)
  try {
    const what = JSON.parse(argument) as EndPart
    await run(what, tell, signal)
    return 0
  } catch (thrown) {
    stderr.write(`${thrown instanceof Error ? thrown.stack : String(thrown)}\n`)
    return new HeirloomError('internal', '').exitCode
  }
}

export function main(): Promise<never> {
  return runAsProcess(end)
}

if (import.meta.main) await main()
