// Combined signals that can be forgotten. The runtime keeps a combined signal for as long as somebody listens to it, and in a simulated process that was
// killed somebody listens for ever: with it each world would stay in memory.

/** From now on. */
export function forgetCombinedSignals(): void {
  AbortSignal.any = (signals) => {
    const combined = new AbortController()
    for (const signal of signals) {
      if (signal.aborted) combined.abort(signal.reason)
      else signal.addEventListener('abort', () => combined.abort(signal.reason), { once: true })
    }
    return combined.signal
  }
}
