// What a plan comes to when so many bytes can be moved: the greatest hit mass that any plan with the same constraints could reach. The constraints:
// metadata first, then dirty chunks, then each source's least share of the bytes, then none beyond its largest while others have something.

import { byDensity, flowValue, split, type Capacity, type Segment } from './bound.ts'

/** A source's share of the bytes of clean data, from 0 to 1. */
export interface ByteShare {
  /** It gets at least so much while it has anything. */
  readonly least: number
  /** It gets no more while others have anything. */
  readonly most: number
}

/** Values are in hit mass. */
export interface OutlookSource {
  readonly metadata: Segment
  readonly dirty: Segment
  /** The highest value per byte first. */
  readonly data: readonly Segment[]
  readonly share: ByteShare
  /** No more than this can come of it: what has expired or vanished is not to be had. */
  readonly valueMax: number
}

/** The bound on the hit mass that these sources can reach through these channels: in all, of each source, and through each channel. */
export interface Outlook {
  readonly all: number
  readonly bySource: readonly number[]
  readonly byChannel: readonly number[]
}

export function outlook(sources: readonly OutlookSource[], capacities: readonly Capacity[]): Outlook {
  const all = sources.reduce((sum, source) => sum + sizeOf(source), 0)
  let bytes = Math.min(
    all,
    capacities.reduce((sum, capacity) => sum + capacity.bytes, 0),
  )
  const flow: Segment[] = []
  for (const rank of ['metadata', 'dirty'] as const) {
    for (const segment of byDensity(sources.map((each, source) => ({ ...each[rank], source })))) {
      flow.push(segment)
      bytes = Math.max(0, bytes - segment.bytes)
    }
  }
  const bySource = sources.map(() => 0)
  const byChannel = capacities.map(() => 0)
  const value = flowValue([...flow, ...byDensity(chosen(sources, bytes))], capacities, ({ source }, channel, worth) => {
    bySource[source!]! += worth
    byChannel[channel]! += worth
  })
  const reachable = sources.reduce((sum, source) => sum + source.valueMax, 0)
  return { all: Math.min(reachable, value), bySource: bySource.map((worth, at) => Math.min(worth, sources[at]!.valueMax)), byChannel }
}

function sizeOf({ metadata, dirty, data }: OutlookSource): number {
  return data.reduce((sum, segment) => sum + segment.bytes, metadata.bytes + dirty.bytes)
}

/** The data that goes into so many bytes. */
function chosen(sources: readonly OutlookSource[], bytes: number): Segment[] {
  const taken: Segment[] = []
  const rests: { source: number; segment: Segment }[] = []
  const used = sources.map(() => 0)
  let left = bytes
  for (const [source, { data, share }] of sources.entries()) {
    const owed = Math.min(left, share.least * bytes)
    for (const segment of data.map((each) => ({ ...each, source }))) {
      const [first, rest] = split(segment, Math.max(0, owed - used[source]!))
      if (first.bytes > 0) taken.push(first)
      used[source]! += first.bytes
      if (first.bytes === 0) rests.push({ source, segment })
      else if (rest !== undefined) rests.push({ source, segment: rest })
    }
    left -= used[source]!
  }
  rests.sort((a, b) => b.segment.value * a.segment.bytes - a.segment.value * b.segment.bytes)
  for (const isCapped of [true, false]) {
    for (const entry of rests) {
      const room = isCapped ? sources[entry.source]!.share.most * bytes - used[entry.source]! : left
      const [first, rest] = split(entry.segment, Math.max(0, Math.min(left, room)))
      taken.push(first)
      used[entry.source]! += first.bytes
      left -= first.bytes
      entry.segment = rest ?? { bytes: 0, value: 0 }
    }
  }
  return taken
}
