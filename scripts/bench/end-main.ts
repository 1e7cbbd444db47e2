// One end of a measurement, as a process of its own: it tells what it measured in lines of JSON.

import { onInterrupt, runAsProcess } from '../../src/cli/entry.ts'
import type { Terminal } from '../../src/cli/output.ts'
import { HeirloomError } from '../../src/errors.ts'
import type { LaneKind } from '../../src/lane/lane.ts'
import { receiveBare, sendBare, type Tell } from './bare.ts'
import { receiveMemory, sendMemory } from './memory-ends.ts'

/** What an end is told as its one argument, in JSON. */
export type EndPart =
  | { readonly part: 'receive-bare' }
  | { readonly part: 'send-bare'; readonly address: string; readonly count: number }
  | {
      readonly part: 'send' | 'receive'
      readonly relay: string
      readonly keyFile: string
      readonly lanes: readonly LaneKind[]
      readonly count: number
      readonly journalDirectory: string
    }

async function end([argument = '']: readonly string[], { stdout, stderr }: Terminal): Promise<number> {
  using interrupt = onInterrupt()
  const { signal } = interrupt
  const tell: Tell = (event, fields) => void stdout.write(`${JSON.stringify({ event, ...fields })}\n`)
  try {
    const what = JSON.parse(argument) as EndPart
    if (what.part === 'receive-bare') await receiveBare(tell)
    else if (what.part === 'send-bare') await sendBare(what.address, what.count, signal)
    else if (what.part === 'send') await sendMemory(what.count, { ...what, tell, signal })
    else await receiveMemory(what.count, what.journalDirectory, { ...what, tell, signal })
    return 0
  } catch (thrown) {
    stderr.write(`${thrown instanceof Error ? thrown.stack : String(thrown)}\n`)
    return new HeirloomError('internal', '').exitCode
  }
}

await runAsProcess(end)
