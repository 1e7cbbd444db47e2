// The port for time. Production code never reads the machine's clock itself, so that the simulator can.

export interface Clock {
  /** Wall time in ms since 1970, for expiry that other machines must understand. May jump. */
  nowMs(): number
  /** Monotonic ms from an arbitrary start, for durations and deadlines. Never jumps back. */
  monotonicMs(): number
  /** Calls `run` once after `delayMs`. The answer cancels it; cancelling twice is once. */
  after(delayMs: number, run: () => void): () => void
}

/** The machine's own clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, Math.min(Math.max(0, delayMs), 0x7fffffff))
    return () => clearTimeout(timer)
  },
}

/** Resolves after `delayMs`; rejects with the signal's reason as soon as it is aborted. */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const onAbort = () => {
      cancel()
      reject(signal!.reason)
    }
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
