// Amazon EC2 by IMDSv2. After the EC2 user guide: "Spot Instance interruption notices", "EC2 instance rebalance recommendations", "Scheduled
// events for your instances", and the Auto Scaling guide's "Retrieve the target lifecycle state through instance metadata".
// 404 means that there is nothing. What each question raises stands on its own: one that fails takes nothing of the others back.

import { noticeLateMs, noticeLeadMs } from '../../src/limits/notice.ts'
import type { Cloud } from './cloud.ts'
import { parseCloudDate } from './cloud-date.ts'
import type { Flag } from './flag-board.ts'
import { fieldOf, parseJson, refused, unreadable, type MetadataAnswer, type MetadataService } from './metadata-service.ts'
import { TokenSession } from './metadata-token.ts'
import type { Watched } from './poll.ts'

const root = '/latest/meta-data/'

const hint =
  'is the instance metadata service on? In a container it takes a hop limit of 2: aws ec2 modify-instance-metadata-options --http-put-response-hop-limit 2'

export const aws: Cloud = {
  kind: 'aws',
  name: 'Amazon EC2',
  endpoint: 'http://169.254.169.254',
  everyMs: 2_000,
  deadlineMs: 120_000,
  hint,
  async recognise(service, options) {
    const { status, text } = await openSession(service).ask({ path: `${root}instance-id` }, options)
    return status === 200 && /^i-[0-9a-f]+$/.test(text)
  },
  watch(service, { deadlineMs }) {
    const session = openSession(service)
    const watched = (name: string, read: (answer: MetadataAnswer, path: string) => readonly Flag[]): Watched => ({
      name,
      async look(options) {
        const answer = await session.ask({ path: root + name }, options)
        if (answer.status === 404) return { flags: [] }
        if (answer.status !== 200) throw refused(answer, root + name, answer.status === 403 ? hint : undefined)
        return { flags: answer.text === '' ? [] : read(answer, root + name) }
      },
    })
    return [
      watched('spot/instance-action', (answer, path) => [interruption(answer, path)]),
      watched('events/recommendations/rebalance', (answer, path) => [recommendation(answer, path)]),
      watched('events/maintenance/scheduled', maintenance),
      watched('autoscaling/target-lifecycle-state', ({ text }, path) => lifecycle(text, path, deadlineMs)),
    ]
  },
}

function openSession(service: MetadataService): TokenSession {
  return new TokenSession(service, { header: 'x-aws-ec2-metadata-token', optional: false, hint })
}

/** `{"action":"terminate","time":"2017-09-18T08:22:00Z"}`. Stop and terminate come two minutes ahead, hibernation begins at once. */
function interruption({ text, at }: MetadataAnswer, path: string): Flag {
  const value = parseJson(text, path)
  const action = fieldOf(value, 'action')
  const timeMs = parseCloudDate(fieldOf(value, 'time'))
  if (typeof action !== 'string' && timeMs === undefined) throw unreadable(path)
  const withinMs = action === 'hibernate' ? noticeLateMs : timeMs === undefined ? noticeLeadMs : undefined
  return {
    id: 'aws spot',
    kind: 'preempt',
    reason: `EC2 reclaims the spot instance: ${short(action ?? 'no action given')}`,
    atMs: timeMs === undefined ? undefined : at(timeMs),
    withinMs,
  }
}

/** `{"noticeTime":"2020-10-27T08:22:00Z"}`: a risk that is higher than usual, at times hours before anything, at times together with it. */
function recommendation({ text }: MetadataAnswer, path: string): Flag {
  const noticeTime = fieldOf(parseJson(text, path), 'noticeTime')
  if (noticeTime === undefined) throw unreadable(path)
  return {
    id: 'aws rebalance',
    kind: 'rebalance',
    reason: `EC2 recommends to rebalance since ${short(noticeTime)}`,
    withinMs: noticeLeadMs,
  }
}

/** What ends what is in the memory of the VM. `system-maintenance` only may. */
const endingCodes: readonly unknown[] = ['instance-stop', 'instance-retirement', 'instance-reboot', 'system-reboot']

/** An array of events; those that are completed or cancelled stay in it for a while. */
function maintenance({ text, at }: MetadataAnswer, path: string): Flag[] {
  const events = parseJson(text, path)
  if (!Array.isArray(events)) throw unreadable(path)
  return events.flatMap((event: unknown): Flag[] => {
    const field = (name: string) => fieldOf(event, name)
    const over = /^\[(completed|cancell?ed)\]/i.test(String(field('Description')))
    if (over || (field('State') ?? 'active') !== 'active') return []
    const timeMs = parseCloudDate(field('NotBefore'))
    const ends = endingCodes.includes(field('Code')) && timeMs !== undefined
    return [
      {
        id: `aws ${short(field('EventId') ?? field('Code'))}`,
        kind: ends ? 'terminate' : 'rebalance',
        reason: `EC2 has scheduled ${short(field('Code'))} for ${short(field('NotBefore'))}`,
        ...(timeMs === undefined ? { withinMs: noticeLeadMs } : { atMs: at(timeMs) }),
        ahead: true,
      },
    ]
  })
}

/** Where the Auto Scaling group takes the instance: the lifecycle hook's time-out says how long that may take. */
function lifecycle(state: string, path: string, withinMs: number): Flag[] {
  if (!/^[A-Za-z:]{1,64}$/.test(state)) throw unreadable(path)
  // A stopped instance of a warm pool loses its memory like a terminated one.
  if (!/^(Warmed:)?(Terminated|Stopped|Hibernated)$/.test(state)) return []
  return [{ id: 'aws lifecycle', kind: 'terminate', reason: `the Auto Scaling group takes the instance to ${state}`, withinMs }]
}

function short(value: unknown): string {
  return (typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing')).slice(0, 100)
}
