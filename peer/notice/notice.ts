// The port for shutdown notifications. Contract suite: test/contract/notice.ts.

/** `rebalance` is a mere hint; `preempt` and `terminate` mean that the VM is going. */
export type NoticeKind = 'rebalance' | 'preempt' | 'terminate'

/** A shutdown notification, normalized. */
export interface Notice {
  readonly kind: NoticeKind
  /** For people: where it came from and what it said. */
  readonly reason: string
  /** How long the VM has from the moment this was made. */
  readonly deadlineMs: number
}

export interface NoticeSource {
  /** The `kind` of the configuration: signal, file, aws … */
  readonly kind: string
  /** Yields every notice until the signal is aborted, and then ends without an error. */
  watch(options: { readonly signal: AbortSignal }): AsyncIterable<Notice>
}
