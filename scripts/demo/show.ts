// What a person sees while the demo runs: bars on a terminal, plain lines elsewhere.

import type { Writable } from 'node:stream'
import { SingleBar } from 'cli-progress'

export interface Bar extends Disposable {
  update(value: number, note?: string): void
}

export interface Show {
  /** A heading. */
  title(text: string): void
  /** Something that has happened. */
  line(text: string): void
  /** Something that takes a while; dispose it when it is over. */
  bar(label: string, total: number): Bar
}

export interface ShowRow {
  readonly event: 'chapter' | 'step'
  readonly text: string
}

const labelColumns = 36

/** Shows on `stream`; `onRow` is told the headings and the lines as well, for a program that follows. */
export function createShow(stream: Writable & { readonly isTTY?: boolean }, onRow: (row: ShowRow) => void = () => {}): Show {
  const line = (text: string) => {
    stream.write(`  ${text}\n`)
    onRow({ event: 'step', text })
  }
  return {
    title(text) {
      stream.write(`\n${text}\n`)
      onRow({ event: 'chapter', text })
    },
    line,
    bar: (label, total) => (stream.isTTY === true ? terminalBar(stream, label, total) : plainBar(line, label)),
  }
}

function terminalBar(stream: Writable, label: string, total: number): Bar {
  const bar = new SingleBar({
    stream,
    format: `  ${label.padEnd(labelColumns)} {bar} {percentage}%  {note}`,
    barsize: 28,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    fps: 10,
  })
  bar.start(Math.max(1, total), 0, { note: '' })
  let latest = ''
  return {
    update(value, note = latest) {
      latest = note
      bar.update(Math.min(value, Math.max(1, total)), { note })
    },
    [Symbol.dispose]: () => bar.stop(),
  }
}

/** Elsewhere than on a terminal one line a stage is enough: how it ended. */
function plainBar(line: (text: string) => void, label: string): Bar {
  let latest = ''
  return {
    update(_value, note = latest) {
      latest = note
    },
    [Symbol.dispose]: () => line(`${label.padEnd(labelColumns)} ${latest}`.trimEnd()),
  }
}
