// Microsoft Azure. After "Azure Metadata Service: Scheduled Events for Linux VMs": events of all VMs of a scale set or an availability set
// come in one list; ours are those that name this VM. One that has vanished was cancelled, or is over.

import { scheduledEventsTimeoutMs } from '../../src/limits/notice.ts'
import type { Cloud, CloudSettings } from './cloud.ts'
import { parseCloudDate } from './cloud-date.ts'
import type { Flag } from './flag-board.ts'
import {
  fieldOf,
  parseJson,
  refused,
  unreadable,
  type MetadataAnswer,
  type MetadataService,
  type Question,
  type WaitOptions,
} from './metadata-service.ts'
import type { NoticeKind } from './notice.ts'
import { noticeLateMs } from '../../src/limits/notice.ts'
import type { Watched } from './poll.ts'

const headers = { metadata: 'true' }
const eventsPath = '/metadata/scheduledevents?api-version=2020-07-01'
const instance = (field: string) => `/metadata/instance/compute/${field}?api-version=2021-02-01&format=text`

export const azure: Cloud = {
  kind: 'azure',
  name: 'Microsoft Azure',
  endpoint: 'http://169.254.169.254',
  everyMs: 1_000,
  deadlineMs: 30_000,
  hint: 'the first question for scheduled events may take two minutes: look again then; after that, see whether something is in the way of 169.254.169.254:80',
  async recognise(service, options) {
    const { status, text } = await service.ask({ path: instance('vmId'), headers }, options)
    return status === 200 && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
  },
  watch: (service, settings) => [new ScheduledEvents(service, settings)],
}

/** `ahead`: announced a quarter of an hour before, while the VM has work to do. Without a kind nothing of the VM's memory is lost. */
const types: Readonly<Record<string, { kind?: NoticeKind; ahead?: boolean }>> = {
  Preempt: { kind: 'preempt' },
  Terminate: { kind: 'terminate' },
  Reboot: { kind: 'terminate', ahead: true },
  Redeploy: { kind: 'terminate', ahead: true },
  Freeze: {},
}

class ScheduledEvents implements Watched {
  readonly name = 'scheduledevents'
  readonly #service: MetadataService
  readonly #settings: CloudSettings
  #ownName: string | undefined
  #passedOver = new Set<string>()

  constructor(service: MetadataService, settings: CloudSettings) {
    this.#service = service
    this.#settings = settings
  }

  async look(options: WaitOptions): Promise<{ flags: Flag[] }> {
    const path = eventsPath
    const answer = await this.#ask({ path }, options)
    const events = fieldOf(parseJson(answer.text, path), 'Events')
    if (!Array.isArray(events)) throw unreadable(path)
    // Without events there is nothing to tell ours from.
    if (events.length === 0) return { flags: [] }
    const own = await this.#own(options)
    const flags: Flag[] = []
    const passedOver = new Set<string>()
    for (const event of events.filter((candidate) => namesOf(candidate).some((name) => name.toLowerCase() === own.toLowerCase()))) {
      const flag = this.#flagOf(event, answer)
      if (flag !== undefined) flags.push(flag)
      else passedOver.add(this.#passOver(event))
    }
    this.#passedOver = passedOver
    return { flags }
  }

  #flagOf(event: unknown, { at }: MetadataAnswer): Flag | undefined {
    const { id, type, status } = describe(event)
    const { kind, ahead = false } = types[type] ?? { kind: 'rebalance' as const }
    if (kind === undefined || id === '' || !['Scheduled', 'Started'].includes(status)) return undefined
    const timeMs = parseCloudDate(fieldOf(event, 'NotBefore'))
    const begun = status === 'Started'
    return {
      id: `azure ${id}`,
      kind,
      reason: `Azure has ${begun ? 'started' : 'scheduled'} ${type}`,
      ...(begun || timeMs === undefined ? { withinMs: begun ? noticeLateMs : this.#settings.deadlineMs } : { atMs: at(timeMs) }),
      ahead: ahead && !begun,
      // What has begun needs no leave. And leave is given for all VMs that an event names: not ours to give when there are others.
      ...(!begun && namesOf(event).length === 1 && { acknowledge: (options: WaitOptions) => this.#start(id, options) }),
    }
  }

  #passOver(event: unknown): string {
    const { id, type, status } = describe(event)
    const key = `${id} ${type} ${status}`
    if (!this.#passedOver.has(key)) this.#settings.tell('notice-passed-over', { source: 'azure', reason: `Azure has ${status} ${type}` })
    return key
  }

  async #start(id: string, options: WaitOptions): Promise<void> {
    await this.#ask({ method: 'POST', path: eventsPath, body: JSON.stringify({ StartRequests: [{ EventId: id }] }) }, options)
  }

  async #own(options: WaitOptions): Promise<string> {
    this.#ownName ??= (await this.#ask({ path: instance('name') }, options)).text
    if (this.#ownName !== '') return this.#ownName
    this.#ownName = undefined
    throw unreadable(instance('name'))
  }

  async #ask(question: Question, options: WaitOptions): Promise<MetadataAnswer> {
    const answer = await this.#service.ask({ timeoutMs: scheduledEventsTimeoutMs, headers, ...question }, options)
    if (answer.status < 200 || answer.status > 299) throw refused(answer, question.path)
    return answer
  }
}

function namesOf(event: unknown): string[] {
  const names = fieldOf(event, 'Resources')
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : []
}

function describe(event: unknown): { id: string; type: string; status: string } {
  const text = (name: string) => {
    const value = fieldOf(event, name)
    return typeof value === 'string' ? value.slice(0, 100) : ''
  }
  return { id: text('EventId'), type: text('EventType'), status: text('EventStatus') }
}
