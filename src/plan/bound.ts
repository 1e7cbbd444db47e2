// The linear program's bound: what no plan can exceed, if chunks could be cut anywhere.
//
// maximize    Σ value(i) · (x(i,1) · likelihood(1) + x(i,2) · likelihood(2) + …)
// subject to  Σ bytes(i) · x(i,c) ≤ bytes(c) for each channel c, Σ x(i,c) ≤ 1 for each chunk i, x ≥ 0
//
// A chunk's value through a channel is a product, so the best assignment sorts both sides: the densest bytes go through the likeliest
// channel, the next through the next one. (Of two bytes that are the other way round, exchanging them loses nothing.) So greedy is exact; the
// tests compare it with a solver.

/** A part of the state: a chunk, or many of like value per byte. */
export interface Segment {
  readonly bytes: number
  readonly value: number
  /** The value per byte of its best part; without it all of it is alike. */
  readonly highest?: number
  /** Whose it is, where that matters. */
  readonly source?: number
}

/** What a channel can move within its time, and how likely that will have been of use. */
export interface Capacity {
  readonly bytes: number
  readonly likelihood: number
}

/** The bound over segments in any order. */
export function fractionalBound(segments: readonly Segment[], capacities: readonly Capacity[]): number {
  return flowValue(byDensity(segments), capacities)
}

export function byDensity(segments: readonly Segment[]): Segment[] {
  return segments.toSorted((a, b) => density(b) - density(a))
}

function density({ bytes, value }: Segment): number {
  return value / Math.max(bytes, Number.MIN_VALUE)
}

/** What segments are worth in this order, the likeliest channel filled first; `onFlow` hears what of each goes through which channel. */
export function flowValue(
  segments: readonly Segment[],
  capacities: readonly Capacity[],
  onFlow?: (segment: Segment, channel: number, value: number) => void,
): number {
  const channels = capacities.map((capacity, place) => ({ ...capacity, place })).sort((a, b) => b.likelihood - a.likelihood)
  let value = 0
  for (const segment of segments) {
    let left = segment
    while (channels.length > 0) {
      const channel = channels[0]!
      const [first, rest] = split(left, channel.bytes)
      value += first.value * channel.likelihood
      onFlow?.(first, channel.place, first.value * channel.likelihood)
      channel.bytes -= first.bytes
      if (rest === undefined) break
      left = rest
      channels.shift()
    }
  }
  return value
}

/** The best `bytes` of a segment, and what is left of it. */
export function split(segment: Segment, bytes: number): [first: Segment, rest: Segment | undefined] {
  if (segment.bytes <= bytes) return [segment, undefined]
  const { highest = density(segment) } = segment
  const { source } = segment
  const whose = source === undefined ? {} : { source }
  const first = { bytes, value: Math.min(segment.value, bytes * highest), highest, ...whose }
  return [first, { bytes: segment.bytes - bytes, value: segment.value - first.value, ...whose }]
}
