// uvu's own account of a run, read from the end of what a test file printed.

export interface Summary {
  readonly total: number
  readonly passed: number
  readonly skipped: number
}

/** The last summary in `output`; undefined when the file ended without one. A suite whose hook failed counts fewer passed than total. */
export function readSummary(output: string): Summary | undefined {
  const last = [...output.matchAll(/^ {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)$/gm)].at(-1)
  return last === undefined ? undefined : { total: Number(last[1]), passed: Number(last[2]), skipped: Number(last[3]) }
}
