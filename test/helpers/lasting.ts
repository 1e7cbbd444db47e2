// The time that a fault lasts, or that a slow application takes: a part of what is tested, not a wait for something to happen.

import { systemClock } from '../../src/clock.ts'

export function lasting(ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  systemClock.after(ms, resolve)
  return promise
}
