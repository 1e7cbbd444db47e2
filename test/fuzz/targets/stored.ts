// What lies on disks, where anything may have happened to it: segments and records of the relay's store, and journals of heirs.

import { recallJournal } from '../../../peer/inherit/journal.ts'
import type { JournalFiles } from '../../../peer/inherit/journal-files.ts'
import type { DiskFile } from '../../../relay/store/disk.ts'
import { decodeRecord, encodeRecord } from '../../../relay/store/record-json.ts'
import { recordDigests } from '../../../relay/store/record-digest.ts'
import { encodeRecordHeader, recordHeaderBytes, segmentSequence } from '../../../relay/store/segment-format.ts'
import { scanSegment } from '../../../relay/store/segment-scan.ts'
import { PackSet } from '../../../src/wire/pack-set.ts'
import { must, textFrom, utf8, type Target } from '../target.ts'

function record(number: number, pack: Uint8Array): Uint8Array {
  return Buffer.concat([encodeRecordHeader(number, pack.length, [pack], recordDigests[number % recordDigests.length]!), pack])
}

function fileOf(bytes: Uint8Array): DiskFile {
  const unused = () => Promise.reject(new Error('the scanner only reads'))
  return {
    async readv([piece], position) {
      const part = bytes.subarray(position, position + Math.max(1, piece!.length - 1))
      piece!.set(part)
      return part.length
    },
    size: async () => bytes.length,
    writev: unused,
    datasync: unused,
    truncate: unused,
    close: unused,
  }
}

const segments: Target = {
  name: 'segments',
  shape: 'bytes',
  share: 0.5,
  samples: () => [
    Buffer.concat([1, 2, 3].map((number) => record(number, new Uint8Array(20 * number).fill(number)))),
    record(9, new Uint8Array(0)),
  ],
  async take(input) {
    let end = 0
    let records = 0
    const scan = await scanSegment(fileOf(input), input.length, {
      verify: input.length % 2 === 0,
      onRecord({ offset, bytes }) {
        must(offset >= end, 'records that overlap')
        end = offset + recordHeaderBytes + bytes
        records++
      },
    })
    must(scan.end === end && end <= input.length, 'a segment that ends elsewhere')
    return `${Math.min(records, 3)} ${Math.min(scan.damaged, 2)}`
  },
}

const someRecord = {
  key: { pool: 'ab'.repeat(32), handoff: 'cd'.repeat(16) },
  header: Uint8Array.of(1, 2, 3),
  predecessor: '12D3KooWexample',
  heir: '12D3KooWother',
  epoch: 3,
  packs: 12,
  finished: false,
  offeredAtMs: 1_800_000_000_000,
  expiresAtMs: 1_800_000_600_000,
}

const records: Target = {
  name: 'records',
  shape: 'json',
  share: 1,
  samples: () =>
    [someRecord, { ...someRecord, heir: undefined, packs: undefined }].map((each) => utf8(JSON.stringify(JSON.parse(encodeRecord(each))))),
  take(input) {
    const decoded = decodeRecord(textFrom(input))
    if (decoded === undefined) return undefined
    segmentSequence(decoded.predecessor)
    const again = decodeRecord(encodeRecord(decoded))
    must(JSON.stringify(again) === JSON.stringify(decoded), 'a record that does not come back')
    return `${decoded.finished} ${decoded.heir === undefined}`
  },
}

const journalLines = [
  { handoff: 'cd'.repeat(16), epoch: 2, seed: Buffer.alloc(32).toString('base64'), boot: 'a boot' },
  {
    pack: 0,
    chunks: 1,
    bytes: 2,
    weights: { 0: 0.5 },
    sources: [{ source: 0, name: 'a', kind: 'app', chunks: 1, bytes: 2, readProbability: 1 }],
  },
  {
    pack: 1,
    chunks: 0,
    bytes: 0,
    unfinished: [
      { source: 0, id: 'x', metadata: false, offset: 0, length: 2, chunkBytes: 9, version: '', expiresAtMs: 0, attributes: 'AAA=' },
    ],
    superseded: [0, 1],
    receipt: { content: 'AAAA', signature: 'AAAA' },
  },
  { settled: { result: { event: 'result', outcome: 'partial' }, receipt: '{}' } },
]

function filesOf(text: Uint8Array): JournalFiles {
  const unused = () => {
    throw new Error('a journal is only read')
  }
  return {
    bootId: () => 'a boot',
    read: () => text,
    makeFolder: unused,
    list: () => [],
    write: unused,
    keep: unused,
    remove: unused,
    openLog: unused,
  }
}

const journals: Target = {
  name: 'journals',
  shape: 'json',
  share: 1,
  samples: () => [journalLines, journalLines.slice(0, 3)].map((lines) => utf8(`${lines.map((line) => JSON.stringify(line)).join('\n')}\n`)),
  take(input) {
    const recalled = recallJournal('/nowhere', filesOf(input))
    if (recalled === undefined) return undefined
    // What a restorer does with it.
    for (const { pack, chunks, bytes, weights, unfinished, sources, superseded, receipt } of recalled.entries) {
      PackSet.fromRuns(superseded ?? [])
      must(new PackSet().add(pack) && Number.isSafeInteger(chunks) && Number.isSafeInteger(bytes), 'an entry of no pack')
      for (const [source, weight] of Object.entries(weights ?? {})) must(weight >= 0 && source !== '', 'a weight that is none')
      for (const fragment of unfinished ?? []) {
        must(fragment.offset + fragment.length <= fragment.chunkBytes && typeof fragment.id === 'string', 'a fragment that is none')
        Buffer.from(fragment.attributes, 'base64')
      }
      for (const source of sources ?? []) must(typeof (source as { name?: unknown }).name === 'string', 'a source without a name')
      if (receipt !== undefined) Buffer.concat([Buffer.from(receipt.content, 'base64'), Buffer.from(receipt.signature, 'base64')])
    }
    must(Buffer.from(recalled.head.seed, 'base64').byteLength === 32, 'a seed that is none')
    return `${Math.min(recalled.entries.length, 3)} ${recalled.settled?.result.outcome}`
  },
}

export const storedTargets: readonly Target[] = [segments, records, journals]
