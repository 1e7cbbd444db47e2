// What has happened at this relay since it started, for metrics and status.

import type { ErrorCode } from '../src/errors.ts'

export class Counts {
  packsStored = 0
  bytesStored = 0
  packsServed = 0
  bytesServed = 0
  readonly refusals = new Map<ErrorCode, number>()

  refused(code: ErrorCode): void {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1)
  }
}
