// The port for shutdown notifications. Contract suite: test/contract/notice.ts.
//
// Invariant: whatever a cloud answers, a source goes on watching until its signal is aborted; what it can't read it tells as an event.

/** `rebalance` is a mere hint; `preempt` and `terminate` mean that the VM is going; `restart` that the agent alone is. */
export type NoticeKind = 'rebalance' | 'preempt' | 'terminate' | 'restart'

/** A shutdown notification, normalized. */
export interface Notice {
  readonly kind: NoticeKind
  /** For people: where it came from and what it said. */
  readonly reason: string
  /** How long the VM has from the moment this was made. */
  readonly deadlineMs: number
  /** A second notice with the same id replaces the first: its time was moved, or the hint has become certain. */
  readonly id?: string
  /** The cloud has taken back what it told under this id. */
  readonly withdrawn?: true
  /** Tells the cloud that nothing here needs to be waited for; to be called when the handoff has ended. May throw. */
  readonly acknowledge?: (options: { readonly signal: AbortSignal }) => Promise<void>
}

/** Tells what people should see: which cloud was found and how, that its metadata service is silent, what was passed over. */
export type TellNoticeEvent = (event: string, fields: Readonly<Record<string, unknown>>) => void

export interface NoticeSource {
  /** The `kind` of the configuration: signal, file, aws … */
  readonly kind: string
  /** Yields every notice until the signal is aborted, and then ends without an error. */
  watch(options: { readonly signal: AbortSignal }): AsyncIterable<Notice>
}
