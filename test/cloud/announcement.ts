// How each cloud says that a VM goes, in its own words and its own form of dates.

import { azureVmName, paths, type FakeCloudKind } from './endpoints.ts'

export const announcements = ['preempt', 'terminate', 'rebalance', 'maintenance'] as const

/** `preempt`: reclaimed. `terminate`: shut down. `rebalance`: a hint. `maintenance`: work on the host, announced ahead. */
export type Announcement = (typeof announcements)[number]

interface Said {
  readonly path: string
  readonly text: string
}

type Speech = Partial<Record<Announcement, (atMs: number) => Said>>

/** Throws when the cloud has no such announcement. `inMs` counts by the cloud's clock. */
export function announce(cloud: { readonly kind: FakeCloudKind; nowMs(): number }, what: Announcement, inMs: number): Said {
  const say = speeches[cloud.kind][what]
  if (say === undefined) throw new Error(`${cloud.kind} announces ${Object.keys(speeches[cloud.kind]).join(', ')}, but not ${what}`)
  return say(cloud.nowMs() + inMs)
}

const speeches: Readonly<Record<FakeCloudKind, Speech>> = {
  aws: {
    preempt: (atMs) => ({ path: paths.awsSpot, text: JSON.stringify({ action: 'terminate', time: isoDate(atMs) }) }),
    terminate: () => ({ path: paths.awsLifecycle, text: 'Terminated' }),
    rebalance: (atMs) => ({ path: paths.awsRebalance, text: JSON.stringify({ noticeTime: isoDate(atMs) }) }),
    maintenance: (atMs) => ({ path: paths.awsMaintenance, text: JSON.stringify([awsEvent({ NotBefore: awsDate(atMs) })]) }),
  },
  gcp: {
    preempt: () => ({ path: paths.gcpPreempted, text: 'TRUE' }),
    terminate: () => ({ path: paths.gcpMaintenance, text: 'TERMINATE_ON_HOST_MAINTENANCE' }),
    maintenance: () => ({ path: paths.gcpMaintenance, text: 'MIGRATE_ON_HOST_MAINTENANCE' }),
  },
  azure: {
    preempt: (atMs) => azureEvents(azureEvent('Preempt', atMs)),
    terminate: (atMs) => azureEvents(azureEvent('Terminate', atMs)),
    maintenance: (atMs) => azureEvents(azureEvent('Redeploy', atMs)),
  },
  alibaba: { preempt: (atMs) => ({ path: paths.alibabaSpot, text: isoDate(atMs) }) },
  tencent: { preempt: (atMs) => ({ path: paths.tencentSpot, text: chinaDate(atMs) }) },
}

export function isoDate(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19)}Z`
}

/** `21 Jan 2019 09:00:43 GMT` */
export function awsDate(atMs: number): string {
  return new Date(atMs).toUTCString().replace(/^\w+, /, '')
}

/** `2018-08-18 12:05:33`, in UTC+8 and without saying so. */
export function chinaDate(atMs: number): string {
  return new Date(atMs + 8 * 3_600_000).toISOString().slice(0, 19).replace('T', ' ')
}

export function awsEvent(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return {
    NotBefore: '21 Jan 2019 09:00:43 GMT',
    Code: 'instance-stop',
    Description: 'The instance is running on degraded hardware',
    EventId: 'instance-event-0d59937288b749b32',
    NotAfter: '21 Jan 2029 09:17:23 GMT',
    State: 'active',
    ...fields,
  }
}

export function azureEvent(EventType: string, atMs: number, fields: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    EventId: `event-${EventType}`,
    EventType,
    ResourceType: 'VirtualMachine',
    Resources: [azureVmName],
    EventStatus: 'Scheduled',
    NotBefore: new Date(atMs).toUTCString(),
    Description: 'Host server is undergoing maintenance.',
    EventSource: 'Platform',
    DurationInSeconds: -1,
    ...fields,
  }
}

export function azureEvents(...events: readonly Record<string, unknown>[]): Said {
  return { path: paths.azureEvents, text: JSON.stringify({ DocumentIncarnation: 2, Events: events }) }
}
