// Vectors of what a pack says of those that went ahead of the notice, from the protobuf library alone.

import { create, toBinary } from '@bufbuild/protobuf'
import { PackHeadSchema } from '../../src/wire/gen/pack_pb.ts'

export function makeVerdictVectors() {
  const of = (
    name: string,
    barrier: number,
    barrierFrom: number,
    verdict: { since: number; whole: number[]; partial: [number, number[]][] },
  ) => {
    const head = create(PackHeadSchema, {
      barrier,
      barrierFrom,
      verdict: {
        since: verdict.since,
        whole: runsOf(verdict.whole),
        partial: verdict.partial.map(([pack, fragments]) => ({ pack, fragments: runsOf(fragments) })),
      },
    })
    const bytes = toBinary(PackHeadSchema, head)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.byteLength)
    return { name, barrier, barrierFrom, verdict, plain: Buffer.concat([length, bytes]).toString('hex') }
  }
  return [
    of('whole packs and parts of some hold', 9, 6, {
      since: 6,
      whole: [0, 1, 4],
      partial: [
        [2, [0, 3]],
        [5, [1]],
      ],
    }),
    of('nothing holds', 0, 0, { since: 300, whole: [], partial: [] }),
  ]
}

/** PROTOCOL.md, "Sets of pack numbers": by turns how many are not in it, and how many are. */
function runsOf(numbers: readonly number[]): number[] {
  const runs: number[] = []
  let next = 0
  for (const number of numbers) {
    if (number === next && runs.length > 0) runs[runs.length - 1]!++
    else runs.push(number - next, 1)
    next = number + 1
  }
  return runs
}
