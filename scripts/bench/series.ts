// What was measured, run by run, and what is said of it.

export interface Target {
  readonly most?: number
  readonly least?: number
}

/** One row of the benchmark. */
export interface Row {
  readonly name: string
  readonly unit: string
  readonly runs: readonly number[]
  readonly min: number
  readonly median: number
  readonly max: number
  /** To the baseline of the same round: the median of the rounds. */
  readonly ratio?: number
  readonly target?: Target
  /** Whether the target is reached: by the ratio where there is one and nothing else was said, else by the median. */
  readonly reached?: boolean
}

export interface RowOptions {
  readonly baseline?: readonly number[]
  readonly target?: Target
  readonly judgeBy?: 'ratio' | 'median'
}

export function row(name: string, unit: string, runs: readonly number[], { baseline, target, judgeBy = 'ratio' }: RowOptions = {}): Row {
  const ratio = baseline === undefined ? undefined : median(runs.map((run, index) => run / baseline[index]!))
  const judged = judgeBy === 'ratio' && ratio !== undefined ? ratio : median(runs)
  return {
    name,
    unit,
    runs: runs.map(rounded),
    min: rounded(Math.min(...runs)),
    median: rounded(median(runs)),
    max: rounded(Math.max(...runs)),
    ...(ratio !== undefined && { ratio: rounded(ratio) }),
    ...(target !== undefined && { target, reached: judged <= (target.most ?? Infinity) && judged >= (target.least ?? -Infinity) }),
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Three significant digits at least; more would be noise. */
function rounded(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3))
}
