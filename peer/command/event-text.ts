// An event of a peer as one line for people: the time, what happened, and its fields.

import type { PeerEvent } from '../events.ts'

export function eventText({ event, atMs, ...fields }: PeerEvent): string {
  const time = new Date(atMs).toISOString().slice(11, 23)
  const rest = Object.entries(fields)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  return [time, event, ...rest].join(' ')
}
