// The commands' end of the local API: asks the agent of this VM over its socket or over HTTP.

import { Agent, fetch, type Dispatcher, type Response } from 'undici'
import { hostPortFlag, textFlag } from '../../src/cli/flag.ts'
import { asHeirloomError, errorFromStatus, HeirloomError } from '../../src/errors.ts'
import { agentAnswerBytesMax } from '../../src/limits/agent.ts'
import { defaultSocket, defaultState, type Environment } from '../config/directories.ts'
import { loadConfig } from '../config/load-config.ts'

export function agentFlags() {
  return [
    textFlag(
      '--socket <path>',
      "the agent's socket (default: peer.sock in $RUNTIME_DIRECTORY, $XDG_RUNTIME_DIR/heirloom or the state directory)",
    ),
    hostPortFlag('--http <host:port>', 'ask over HTTP instead of the socket'),
    textFlag('--config <file>', "the agent's configuration file, to find its socket"),
  ]
}

interface AgentRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: object
  readonly signal: AbortSignal
}

export class AgentClient implements AsyncDisposable {
  /** Where it asks, for messages. */
  readonly place: string
  readonly #origin: string
  readonly #dispatcher: Agent

  private constructor(place: string, origin: string, socketPath: string | undefined) {
    this.place = place
    this.#origin = origin
    // A handoff answers when it is over and a stream of events never: the caller's signal is the only time-out.
    this.#dispatcher = new Agent({
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: 5000, ...(socketPath !== undefined && { socketPath }) },
    })
  }

  /** The agent that the flags name: `--http`, else `--socket`, else the socket in `--config`, else the default one. */
  static async of(flags: Readonly<{ http?: string; socket?: string; config?: string }>, env: Environment): Promise<AgentClient> {
    if (flags.http !== undefined) return new AgentClient(`http://${flags.http}`, `http://${flags.http}`, undefined)
    const configured = flags.config === undefined ? defaultSocket(env, defaultState(env)) : undefined
    const socket = flags.socket ?? configured ?? (await loadConfig(flags.config!, env)).socket
    return new AgentClient(socket, 'http://agent', socket)
  }

  /** The answer's JSON. Throws `link-lost` when no agent answers, else what it refused with. */
  async ask(request: AgentRequest): Promise<Record<string, unknown>> {
    const response = await this.open(request)
    const value = parseObject(await boundedText(response, this.place))
    if (value === undefined) throw new HeirloomError('malformed', `the agent at ${this.place} answered with something that isn't JSON`)
    return value
  }

  /** The answer with its body unread, for streams. */
  async open({ method, path, body, signal }: AgentRequest): Promise<Response> {
    const dispatcher: Dispatcher = this.#dispatcher
    const content = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    const response = await fetch(new URL(path, this.#origin), { method, signal, dispatcher, ...content }).catch((thrown: unknown) => {
      signal.throwIfAborted()
      const cause = (thrown as { cause?: unknown }).cause ?? thrown
      throw new HeirloomError('link-lost', `no agent answers at ${this.place}: ${asHeirloomError(cause).message}`, {
        cause: thrown,
        hint: 'is `heirloom peer` running? Give its socket with --socket, or its configuration with --config',
      })
    })
    if (response.ok) return response
    throw refusal(response, await boundedText(response, this.place), this.place)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispatcher.destroy()
  }
}

/** What the agent refused with: its own error when it says one that we know. */
function refusal(response: Response, text: string, place: string): HeirloomError {
  const value = parseObject(text)
  const { status, message, hint } = (value?.['error'] ?? value ?? {}) as { status?: unknown; message?: unknown; hint?: unknown }
  const said = typeof message === 'string' ? message.slice(0, 500) : `the agent at ${place} answered ${response.status}`
  const { code } =
    typeof status === 'number'
      ? errorFromStatus(status, said)
      : new HeirloomError(response.status >= 500 ? 'internal' : 'unsupported', said)
  return new HeirloomError(code, said, typeof hint === 'string' ? { hint } : {})
}

async function boundedText(response: Response, place: string): Promise<string> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of response.body ?? []) {
    bytes += part.byteLength
    if (bytes > agentAnswerBytesMax)
      throw new HeirloomError('too-large', `the agent at ${place} answered more than ${agentAnswerBytesMax} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
