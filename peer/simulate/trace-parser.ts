/** Reads one format of traces from pieces of a file. Both methods throw `io` with the number of the line that is wrong. */
export interface TraceParser {
  push(bytes: Uint8Array): void
  /** The file has ended, perhaps without a newline. */
  end(): void
}
