// The one error of Heirloom: a stable code for programs, a hint for the operator, and whether trying again can help.
// What travels on the wire is the code's number; what a command exits with is the code's exit. Both are mapped here, once.

/** Every code with its number on the wire (never reused), its exit code (CONTRACT) and whether a retry can help. */
const table = {
  internal: { status: 1, exit: 74, retryable: false },
  usage: { status: 2, exit: 64, retryable: false },
  config: { status: 3, exit: 78, retryable: false },
  'no-relay': { status: 4, exit: 69, retryable: true },
  'link-lost': { status: 5, exit: 69, retryable: true },
  timeout: { status: 6, exit: 69, retryable: true },
  aborted: { status: 7, exit: 3, retryable: false },
  malformed: { status: 8, exit: 77, retryable: false },
  'too-large': { status: 9, exit: 77, retryable: false },
  unsupported: { status: 10, exit: 77, retryable: false },
  unauthorised: { status: 11, exit: 77, retryable: false },
  'foreign-pool': { status: 12, exit: 77, retryable: false },
  'expired-certificate': { status: 13, exit: 77, retryable: false },
  fenced: { status: 14, exit: 77, retryable: false },
  'already-claimed': { status: 15, exit: 77, retryable: false },
  'not-found': { status: 16, exit: 4, retryable: false },
  quota: { status: 17, exit: 3, retryable: false },
  'no-space': { status: 18, exit: 74, retryable: false },
  io: { status: 19, exit: 74, retryable: false },
  changed: { status: 20, exit: 3, retryable: true },
  'source-failed': { status: 21, exit: 3, retryable: false },
  draining: { status: 22, exit: 69, retryable: true },
  busy: { status: 23, exit: 69, retryable: true },
  stale: { status: 24, exit: 77, retryable: false },
} as const

export type ErrorCode = keyof typeof table

const codeByStatus = new Map<number, ErrorCode>(Object.entries(table).map(([code, row]) => [row.status, code as ErrorCode]))

export interface HeirloomErrorOptions {
  /** What the operator can do about it, in one sentence. */
  hint?: string
  cause?: unknown
}

export class HeirloomError extends Error {
  override readonly name = 'HeirloomError'
  readonly code: ErrorCode
  readonly hint: string | undefined

  constructor(code: ErrorCode, message: string, { hint, cause }: HeirloomErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.hint = hint
  }

  /** Whether the same call may succeed later without anybody changing anything. */
  get retryable(): boolean {
    return table[this.code].retryable
  }

  /** The exit code of a command that ends with this error. */
  get exitCode(): number {
    return table[this.code].exit
  }

  /** The number that stands for the code on the wire. */
  get status(): number {
    return table[this.code].status
  }
}

/** The error that a status from the wire stands for. A number from a newer version becomes `unsupported`. */
export function errorFromStatus(status: number, detail: string, cause?: unknown): HeirloomError {
  const message = detail.slice(0, 500) || `the other side answered with status ${status}`
  return new HeirloomError(codeByStatus.get(status) ?? 'unsupported', message, { ...(cause !== undefined && { cause }) })
}

/** Anything that was thrown, as a HeirloomError; what is not one already becomes `fallback` with the original as cause. */
export function asHeirloomError(thrown: unknown, fallback: ErrorCode = 'internal'): HeirloomError {
  if (thrown instanceof HeirloomError) return thrown
  const systemCode = (thrown as { code?: unknown } | null)?.code
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  if (systemCode === 'ENOSPC' || systemCode === 'EDQUOT') {
    return new HeirloomError('no-space', message, { cause: thrown, hint: 'free some space on that disk, or point it elsewhere' })
  }
  if ((thrown as { name?: unknown } | null)?.name === 'AbortError') return new HeirloomError('aborted', message, { cause: thrown })
  if ((thrown as { name?: unknown } | null)?.name === 'TimeoutError') return new HeirloomError('timeout', message, { cause: thrown })
  return new HeirloomError(fallback, message, { cause: thrown })
}

/** What we ourselves did wrong: not an event to handle but a defect, so it crashes. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`)
}
