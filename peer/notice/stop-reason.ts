// What a SIGTERM means: that the machine or the pod goes, or that the init system restarts nothing but the agent.

import { execFile } from 'node:child_process'
import process from 'node:process'
import { stopQuestionMs } from '../../src/limits/notice.ts'

export interface StopReason {
  readonly restart: boolean
  /** For people; undefined when nothing is known. */
  readonly why?: string
}

interface StopReasonOptions {
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly pid?: number
  /** The word that `systemctl is-system-running` prints; rejects when there is none. */
  readonly systemState?: () => Promise<string>
}

/**
 * Only a service that systemd itself has started, by $SYSTEMD_EXEC_PID (systemd.exec(5)), can be restarted by it; whatever is in
 * doubt counts as the end of the machine: a handoff too many costs less than one too few.
 */
export async function stopReason(options: StopReasonOptions = {}): Promise<StopReason> {
  const { env = process.env, pid = process.pid, systemState = askSystemd } = options
  if (env['KUBERNETES_SERVICE_HOST'] !== undefined) return { restart: false, why: 'the pod ends' }
  if (env['SYSTEMD_EXEC_PID'] !== String(pid)) return { restart: false }
  const state = await systemState().catch(() => '')
  if (state === 'stopping') return { restart: false, why: 'systemd shuts the machine down' }
  if (!/^(initializing|starting|running|degraded|maintenance)$/.test(state)) return { restart: false, why: "systemd doesn't say why" }
  return { restart: true, why: `systemd stops the service alone; the machine is ${state}` }
}

function askSystemd(): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  // Its exit code is not 0 for most states.
  execFile('systemctl', ['is-system-running'], { timeout: stopQuestionMs }, (error, stdout) => {
    if (stdout.trim() === '' && error !== null) reject(error)
    else resolve(stdout.trim())
  })
  return promise
}
