// Tells systemd that the peer is ready, and that it stops (sd_notify(3), for units with Type=notify). The socket is a Unix datagram socket,
// which Node and Deno don't have: systemd's own program writes to it. It is a child, so the unit needs NotifyAccess=all.

import { spawn } from 'node:child_process'
import { notifyTimeoutMs } from '../src/limits/agent.ts'

export interface ServiceManagerOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The program could not tell it. */
  readonly onFailed: (why: string) => void
}

type Notice = 'ready' | 'stopping'

export class ServiceManager {
  readonly #options: ServiceManagerOptions
  /** One after the other: ready comes before stopping. */
  #told: Promise<void> = Promise.resolve()

  constructor(options: ServiceManagerOptions) {
    this.#options = options
  }

  /** Nothing where no service manager asks. Never throws. */
  tell(notice: Notice, status: string): void {
    if (this.#options.env['NOTIFY_SOCKET'] === undefined) return
    const words = notice === 'ready' ? ['--ready'] : ['STOPPING=1']
    this.#told = this.#told.then(() => this.#run([...words, `--status=${status}`]))
  }

  /** Resolves when all of it is told. */
  settled(): Promise<void> {
    return this.#told
  }

  #run(words: readonly string[]): Promise<void> {
    const { env, onFailed } = this.#options
    return new Promise((resolve) => {
      // Not spawn's own time-out: its timer stays behind when the program is missing.
      const child = spawn('systemd-notify', ['--pid=parent', ...words], {
        env,
        stdio: 'ignore',
        signal: AbortSignal.timeout(notifyTimeoutMs),
      })
      child.once('error', (error) => {
        onFailed(`the service manager could not be told: systemd-notify: ${error.message}`)
        resolve()
      })
      child.once('exit', (code) => {
        if (code !== 0) onFailed(`the service manager could not be told: systemd-notify ended with ${code ?? 'a signal'}`)
        resolve()
      })
    })
  }
}
