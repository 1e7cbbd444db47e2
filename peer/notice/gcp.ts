// Google Compute Engine. After its documents "Preemptible VM instances", "Spot VMs", "Query metadata server for maintenance event notices" and
// "Waiting for updates": the question is held open until the value changes, so that a notice comes within milliseconds.
// A VM that asked for a longer notice must be told by `deadline`: the value flips then before the ACPI signal, and doesn't say when.

import { metadataHoldMs, metadataTimeoutMs } from '../../src/limits/notice.ts'
import type { Cloud } from './cloud.ts'
import type { Flag } from './flag-board.ts'
import { refused, unreadable, type MetadataAnswer, type MetadataService, type Question, type WaitOptions } from './metadata-service.ts'
import type { Watched } from './poll.ts'

const root = '/computeMetadata/v1/instance/'
const headers = { 'metadata-flavor': 'Google' }

/** What maintenance without live migration is announced ahead. */
const maintenanceNoticeMs = 60_000

/** An answer that came sooner was not held open. */
const heldMs = 1_000

export const gcp: Cloud = {
  kind: 'gcp',
  name: 'Google Compute Engine',
  endpoint: 'http://169.254.169.254',
  everyMs: 1_000,
  deadlineMs: 30_000,
  hint: 'is a firewall on this machine or a network policy of the cluster in the way of 169.254.169.254:80?',
  async recognise(service, options) {
    const answer = await service.ask({ path: `${root}id`, headers }, options)
    return answer.status === 200 && answer.header('metadata-flavor') === 'Google'
  },
  watch(service, { deadlineMs, tell }) {
    let passedOver = false
    return [
      held(service, 'preempted', (value) => {
        if (value === 'FALSE') return []
        if (value !== 'TRUE') return undefined
        return [{ id: 'gcp preempted', kind: 'preempt', reason: 'Compute Engine preempts the VM', withinMs: deadlineMs }]
      }),
      held(service, 'maintenance-event', (value) => {
        if (!/^[A-Z_]{1,64}$/.test(value)) return undefined
        const reason = `Compute Engine announces ${value}`
        // A migrated VM keeps its memory.
        if (value.startsWith('MIGRATE') && !passedOver) tell('notice-passed-over', { source: 'gcp', reason })
        passedOver = value.startsWith('MIGRATE')
        if (!value.startsWith('TERMINATE')) return []
        return [{ id: 'gcp maintenance', kind: 'terminate', reason, withinMs: maintenanceNoticeMs }]
      }),
    ]
  },
}

/** `read` answers undefined for a value that is none. */
function held(service: MetadataService, name: string, read: (value: string) => Flag[] | undefined): Watched {
  const path = root + name
  let etag: string | undefined
  return {
    name,
    async look(options) {
      const askedMs = service.clock.monotonicMs()
      const known = etag
      // Forgotten until there is an answer: whoever was silent is asked what is now, and not to wait for the next change.
      etag = undefined
      const changed = known === undefined ? undefined : await askHeld(service, waiting(name, known), options)
      // A held question that was cut off says nothing of the service: what happened meanwhile is asked for at once.
      const answer = changed ?? (await service.ask({ path, headers }, options))
      // Old images and emulators don't have every key.
      if (answer.status === 404) return { flags: [] }
      if (answer.status !== 200) throw refused(answer, path)
      const flags = read(answer.text)
      if (flags === undefined) throw unreadable(path)
      etag = answer.header('etag')
      // A service that doesn't hold the question, cuts it off, or tags every answer anew, is polled.
      const wasHeld = changed !== undefined && service.clock.monotonicMs() - askedMs >= heldMs
      return { flags, held: etag !== undefined && (wasHeld || known === undefined) }
    },
  }
}

/** Undefined when it broke off, or was refused. */
async function askHeld(service: MetadataService, question: Question, options: WaitOptions): Promise<MetadataAnswer | undefined> {
  try {
    const answer = await service.ask(question, options)
    return answer.status === 200 ? answer : undefined
  } catch {
    options.signal.throwIfAborted()
    return undefined
  }
}

function waiting(name: string, etag: string): Question {
  const query = new URLSearchParams({ wait_for_change: 'true', timeout_sec: String(metadataHoldMs / 1000), last_etag: etag })
  return { path: `${root}${name}?${query}`, headers, timeoutMs: metadataHoldMs + metadataTimeoutMs }
}
