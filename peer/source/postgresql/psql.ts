// PostgreSQL by its own client: it is wherever a server is, brings no dependency, and logs in by whatever the operator has set up for it: peer, password
// file, certificate, service file.

import { Deadline } from '../../../src/deadline.ts'
import { systemClock } from '../../../src/clock.ts'
import { asHeirloomError, HeirloomError } from '../../../src/errors.ts'
import { hintsBytesMax, psqlConnectTimeoutS, psqlTimeoutMs } from '../../../src/limits/source.ts'
import { runProgram } from '../program.ts'

export interface PsqlOptions {
  /** How to connect, as libpq takes it; empty for psql's own defaults. */
  readonly dsn: string
  /** The psql to run. */
  readonly psql?: string | undefined
  readonly timeoutMs?: number | undefined
}

export interface Query {
  readonly sql: string
  /** Another database of the same server. */
  readonly database?: string | undefined
  /** Go on after a statement that fails. */
  readonly goOn?: boolean
  /** Instead of the usual one. */
  readonly timeoutMs?: number
  readonly signal: AbortSignal
}

/** What separates columns: no number or flag has it, and a name, which may, comes last. */
const separator = '\t'

export class Psql {
  readonly #options: PsqlOptions

  constructor(options: PsqlOptions) {
    this.#options = options
  }

  /** Rows as they are printed, split into columns. Throws `source-failed`, with what psql says. */
  async rows({ sql, database, goOn = false, timeoutMs, signal }: Query): Promise<string[][]> {
    const { dsn, psql = 'psql' } = this.#options
    const limitMs = timeoutMs ?? this.#options.timeoutMs ?? psqlTimeoutMs
    const command = [
      psql,
      '-X',
      '-q',
      '-A',
      '-t',
      '-w',
      '-F',
      separator,
      '-v',
      `ON_ERROR_STOP=${goOn ? 0 : 1}`,
      ...(dsn === '' ? [] : ['-d', dsn]),
    ]
    const env = { PGCONNECT_TIMEOUT: String(psqlConnectTimeoutS), PGAPPNAME: 'heirloom', PGCLIENTENCODING: 'UTF8' }
    using limited = Deadline.after(systemClock, limitMs).signal(signal)
    // A server doesn't notice that its client is gone until it is through.
    const limit = `SET statement_timeout = ${Math.ceil(limitMs)};\n`
    const input = `${database === undefined ? '' : `\\connect ${quotedName(database)}\n`}${limit}${sql}\n`
    try {
      const output = await runProgram(command, { input, env, signal: limited.signal, outputBytesMax: hintsBytesMax })
      return output
        .toString('utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => line.split(separator))
    } catch (thrown) {
      signal.throwIfAborted()
      const { message } = asHeirloomError(thrown)
      const why = limited.signal.aborted ? `PostgreSQL did not answer within ${Math.round(limitMs)} ms` : message
      throw new HeirloomError('source-failed', why, {
        cause: thrown,
        hint: `try: ${psql}${dsn === '' ? '' : ' -d with its dsn'} -c "select 1"`,
      })
    }
  }
}

/** A database's name as psql's \connect takes it. Throws `source-failed` for one that can't be written in one line. */
function quotedName(name: string): string {
  if (/[\n\r\0]/.test(name)) throw new HeirloomError('source-failed', 'a database whose name has a line break')
  return `"${name.replaceAll('"', '""')}"`
}
