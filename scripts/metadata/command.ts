// What the metadata service is told to do, a line each.

import { parseDuration } from '../../src/units.ts'
import { announcements } from '../../test/cloud/announcement.ts'
import type { FakeCloudKind } from '../../test/cloud/endpoints.ts'
import type { FakeCloud, Fault } from '../../test/cloud/fake-cloud.ts'

export const commandHelp = `commands, on standard input or as the body of a POST to /heirloom:
  preempt | terminate | maintenance | rebalance [30s]   announce that the VM goes, so long from now
  withdraw                                              take everything back
  break 503 | silent | reset | empty | garbage [PATH]   fail, for paths that contain PATH
  mend                                                  work again
  clock 1h | -30s                                       be so far ahead
  expire                                                know no token any more
  quit`

/** What the clouds leave when nothing else is said. */
const usual: Readonly<Record<FakeCloudKind, string>> = { aws: '2m', gcp: '30s', azure: '30s', alibaba: '5m', tencent: '2m' }

const faults: readonly Fault[] = ['silent', 'reset', 'empty', 'garbage']

/** Does it, and answers in words. Throws for what can't be done. */
export function obey(line: string, cloud: FakeCloud): string {
  const [verb = '', first = '', second = ''] = line.trim().split(/\s+/)
  const announcement = announcements.find((known) => known === verb)
  if (announcement !== undefined) {
    const duration = first === '' ? usual[cloud.kind] : first
    cloud.raise(announcement, parseDuration(duration))
    return `${verb} in ${duration}`
  }
  switch (verb) {
    case 'withdraw':
      cloud.withdraw()
      return 'taken back'
    case 'break': {
      const fault = faults.find((known) => known === first) ?? statusOf(first)
      cloud.breakDown(fault, second)
      return `${first} for ${second === '' ? 'everything' : second}`
    }
    case 'mend':
      cloud.mend()
      return 'works again'
    case 'clock':
      cloud.aheadMs = first.startsWith('-') ? -parseDuration(first.slice(1)) : parseDuration(first)
      return `the clock is ${first} ahead`
    case 'expire':
      cloud.expireTokens()
      return 'no token is known any more'
    default:
      throw new Error(`there is no command ${JSON.stringify(verb)}\n${commandHelp}`)
  }
}

function statusOf(text: string): number {
  const status = Number(text)
  if (!Number.isInteger(status) || status < 300 || status > 599) throw new Error(`${JSON.stringify(text)} is neither a fault nor a status`)
  return status
}
