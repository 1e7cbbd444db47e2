// Where a program's words go. stdout carries what was asked for: text for people, or with --json lines of JSON, the last one the result.
// stderr carries the log and the progress. Nothing else in either program writes to them.

import type { Writable } from 'node:stream'
import { styleText } from 'node:util'

type LogLevel = 'info' | 'warning' | 'error'

/** The process around a program, handed in so that tests and embedders can give their own. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: Writable & { isTTY?: boolean; columns?: number }
  readonly stderr: Writable & { isTTY?: boolean; columns?: number }
}

interface OutputOptions {
  readonly json: boolean
  readonly quiet: boolean
}

export class Output {
  readonly terminal: Terminal
  readonly json: boolean
  readonly quiet: boolean

  constructor(terminal: Terminal, { json, quiet }: OutputOptions) {
    this.terminal = terminal
    this.json = json
    this.quiet = quiet
  }

  /** One line of JSON on stdout; with plain output nothing. */
  row(fields: object): void {
    if (this.json) this.terminal.stdout.write(`${JSON.stringify(fields)}\n`)
  }

  /** What was asked for, for people, on stdout; with --json or --quiet nothing. */
  say(text: string): void {
    if (!this.json && !this.quiet) this.terminal.stdout.write(`${text}\n`)
  }

  /** The result: with --json the line with `event: result`, else the text, also with --quiet when it is what a script would read. */
  result(fields: object, text: string, { always = false } = {}): void {
    this.row({ event: 'result', ...fields })
    if (!this.json && (always || !this.quiet) && text !== '') this.terminal.stdout.write(`${text}\n`)
  }

  /** A line of the log on stderr: text, or with --json JSON. --quiet leaves the errors. */
  log(level: LogLevel, message: string, fields: object = {}): void {
    if (this.quiet && level !== 'error') return
    if (this.json) {
      this.terminal.stderr.write(`${JSON.stringify({ level, message, ...fields })}\n`)
      return
    }
    const colour = level === 'error' ? 'red' : level === 'warning' ? 'yellow' : undefined
    const prefix = level === 'info' ? '' : `${level}: `
    this.terminal.stderr.write(`${colour === undefined ? '' : this.paint(colour, prefix, this.terminal.stderr)}${message}\n`)
  }

  /** Colours text when the stream is a terminal and NO_COLOR is not set. */
  paint(colour: Parameters<typeof styleText>[0], text: string, stream: Terminal['stdout'] = this.terminal.stdout): string {
    const { env } = this.terminal
    const plain = stream.isTTY !== true || (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb'
    return plain ? text : styleText(colour, text, { validateStream: false })
  }
}

/** Rows under one another in columns; the last column is not padded. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>((all, row) => row.map((cell, index) => Math.max(all[index] ?? 0, cell.length)), [])
  return rows
    .map((row) =>
      row
        .map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
