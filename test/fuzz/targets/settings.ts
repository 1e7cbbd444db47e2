// What operators and clouds write: configurations, units, dates, notices.

import process from 'node:process'
import { isDeepStrictEqual } from 'node:util'
import { readConfig } from '../../../peer/config/load-config.ts'
import { printConfig } from '../../../peer/config/print-config.ts'
import type { Cloud } from '../../../peer/notice/cloud.ts'
import { parseCloudDate } from '../../../peer/notice/cloud-date.ts'
import { clouds } from '../../../peer/notice/clouds.ts'
import { FlagBoard } from '../../../peer/notice/flag-board.ts'
import { MetadataService } from '../../../peer/notice/metadata-service.ts'
import { parseAddress } from '../../../src/net/node.ts'
import { formatDuration, formatSize, parseDuration, parseRate, parseSize } from '../../../src/units.ts'
import { azureVmName, paths } from '../../cloud/endpoints.ts'
import { startMs } from '../../cloud/watching.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { peerYaml } from '../peer-yaml.ts'
import { must, textFrom, utf8, type Target } from '../target.ts'

const configs: Target = {
  name: 'configurations',
  shape: 'text',
  share: 0.05,
  bytesMax: 2000,
  samples: () => peerYaml.map(utf8),
  take(input) {
    const config = readConfig(textFrom(input), '/etc/heirloom/peer.yaml', process.env)
    must(Object.isFrozen(config) && config.sources.length > 0, 'a configuration without sources')
    const again = readConfig(printConfig(config), '/etc/heirloom/peer.yaml', process.env)
    must(isDeepStrictEqual(again, config), 'a configuration that does not come back as it was printed')
    return undefined
  },
}

const units: Target = {
  name: 'units',
  shape: 'text',
  share: 4,
  bytesMax: 100,
  samples: () => ['500ms', '30s', '2m', '6h', '64KiB', '8GB', '100MB/s', '1.5GiB', '/ip4/10.0.0.5/tcp/4001'].map(utf8),
  take(input) {
    const text = textFrom(input)
    for (const [parse, format] of [
      [parseDuration, formatDuration],
      [parseSize, formatSize],
      [parseRate, undefined],
    ] as const) {
      const value = valueOf(() => parse(text))
      if (value === undefined) continue
      must(Number.isFinite(value) && value >= 0, 'a quantity that is no number')
      if (format !== undefined) must(parse(format(value)) === value, 'a quantity that does not come back')
      return parse.name
    }
    return valueOf(() => parseAddress(text).peer.length)
  },
}

function valueOf(parse: () => number): number | undefined {
  try {
    return parse()
  } catch (thrown) {
    if ((thrown as Error).name !== 'HeirloomError') throw thrown
    return undefined
  }
}

const dates: Target = {
  name: 'cloud dates',
  shape: 'text',
  share: 4,
  bytesMax: 120,
  samples: () =>
    [
      '2026-01-18T12:00:30Z',
      '2026-01-18 20:01:00',
      'Sun, 18 Jan 2026 12:20:00 GMT',
      '18 Jan 2026 12:01:00 GMT',
      '1768737660',
      '1768737660123',
      '2026-01-18T12:00:30.123+08:00',
    ].map(utf8),
  take(input) {
    const atMs = parseCloudDate(textFrom(input))
    must(atMs === undefined || Number.isSafeInteger(atMs), 'a date that is no moment')
    return atMs === undefined
  },
}

const answers = [
  '{"action":"terminate","time":"2026-01-18T12:00:30Z"}',
  '{"noticeTime":"2026-01-18T12:00:30Z"}',
  '[{"NotBefore":"21 Jan 2026 09:00:43 GMT","Code":"system-reboot","Description":"scheduled reboot","EventId":"instance-event-1","State":"active"}]',
  `{"DocumentIncarnation":1,"Events":[{"EventId":"E1","EventType":"Preempt","ResourceType":"VirtualMachine","Resources":["${azureVmName}"],"EventStatus":"Scheduled","NotBefore":"Sun, 18 Jan 2026 12:20:00 GMT","DurationInSeconds":-1}]}`,
  'Terminated',
  'TRUE',
  '2026-01-18T12:00:30Z',
]

function notices(cloud: Cloud): Target {
  return {
    name: `notices of ${cloud.kind}`,
    shape: 'json',
    share: 0.2,
    samples: () => answers.map(utf8),
    async take(input) {
      const clock = new ManualClock(startMs)
      const call = async (url: string) => {
        const body = url.includes(paths.azureName) ? utf8(azureVmName) : url.includes('/api/token') ? utf8('token') : input
        return { status: 200, header: () => undefined, body: once(body) }
      }
      const service = new MetadataService({ endpoint: cloud.endpoint, clock, call })
      const signal = new AbortController().signal
      const seen: string[] = []
      for (const watched of cloud.watch(service, { deadlineMs: cloud.deadlineMs, tell: () => {} })) {
        const found = await watched.look({ signal }).catch((thrown: unknown) => {
          if ((thrown as Error).name !== 'HeirloomError') throw thrown
          return { flags: [] }
        })
        for (const { kind, deadlineMs, reason, id } of new FlagBoard(clock).update(found.flags)) {
          must(deadlineMs > 0 && Number.isFinite(deadlineMs) && reason.length < 500 && id!.length < 500, 'a notice that makes no sense')
          if (seen.length < 3) seen.push(kind)
        }
      }
      must(clock.waiting === 0, 'a timer is left')
      return seen.join()
    },
  }
}

async function* once(body: Uint8Array): AsyncGenerator<Uint8Array> {
  yield body
}

export const settingTargets: readonly Target[] = [configs, units, dates, ...clouds.map(notices)]
