// The building blocks of our configuration schemas: values that people write with units, addresses, names of files.
// Each turns the written form into the program's own (milliseconds, bytes) and says in words what it expected.

import * as z from 'zod'
import { HeirloomError } from '../errors.ts'
import { addressBytesMax } from '../limits/wire.ts'
import { formatDuration, formatSize, parseDuration, parseRate, parseSize, type Bytes, type Ms } from '../units.ts'
import { unknownKey } from './issue.ts'

/** A map that refuses every key it doesn't know, naming the nearest one it does. */
export function strict<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const known = Object.keys(shape)
  return z.strictObject(shape, {
    // One line a key: config-file.ts gives each its own position.
    error: (issue) => (issue.code === 'unrecognized_keys' ? issue.keys.map((key) => unknownKey(key, known)).join('\n') : undefined),
  })
}

/** A duration such as `30s`, as milliseconds. */
export function duration({ min = 0, max = Number.MAX_SAFE_INTEGER }: { min?: Ms; max?: Ms } = {}) {
  return written('a duration such as 30s').transform((text, context) => {
    const ms = tryParse(parseDuration, text, context)
    if (ms < min) return refuse(context, `must be at least ${formatDuration(min)}`)
    return ms > max ? refuse(context, `must be at most ${formatDuration(max)}`) : ms
  })
}

/** A size such as `8GB`, as bytes. */
export function size({ min = 1, max = Number.MAX_SAFE_INTEGER }: { min?: Bytes; max?: Bytes } = {}) {
  return written('a size such as 8GB').transform((text, context) => {
    const bytes = tryParse(parseSize, text, context)
    if (bytes < min) return refuse(context, `must be at least ${formatSize(min)}`)
    return bytes > max ? refuse(context, `must be at most ${formatSize(max)}`) : bytes
  })
}

/** A rate such as `100MB/s`, as bytes per second. */
export function rate() {
  return written('a rate such as 100MB/s').transform((text, context) => tryParse(parseRate, text, context))
}

/** A multiaddr to listen on. */
export function listenAddress() {
  return written('an address such as /ip4/0.0.0.0/tcp/4101').transform((text, context) => {
    const wrong = addressProblem(text)
    return wrong === undefined ? text : refuse(context, wrong)
  })
}

/** A relay's multiaddr with its peer id. */
export function relayAddress() {
  return written('an address such as /dns4/relay.internal/tcp/4001/p2p/12D3KooW…').transform((text, context) => {
    const wrong = relayAddressProblem(text)
    return wrong === undefined ? text : refuse(context, wrong)
  })
}

/** Host and port of an HTTP listener: `127.0.0.1:9464`, `[::1]:0`. */
export function hostPort() {
  return written('host:port such as 127.0.0.1:9464').transform((text, context) => {
    const wrong = hostPortProblem(text)
    return wrong === undefined ? text : refuse(context, wrong)
  })
}

/** The name of a file or directory. Where it is relative to is the loader's business. */
export function path() {
  return written('the name of a file').transform((text, context) => {
    const wrong = pathProblem(text)
    return wrong === undefined ? text : refuse(context, wrong)
  })
}

/** What is wrong with a relay's address, in words; undefined when nothing is. The full check is left to the dialler. */
export function relayAddressProblem(text: string): string | undefined {
  const wrong = addressProblem(text)
  if (wrong !== undefined) return wrong
  if (/\/p2p\/[1-9A-HJ-NP-Za-km-z]{20,100}$/.test(text)) return undefined
  return `${JSON.stringify(text)} doesn't say which relay it is: it must end in /p2p/ and the relay's peer id, as its \`listening\` line prints it`
}

/** What is wrong with a multiaddr, in words. */
export function addressProblem(text: string): string | undefined {
  const port = /^\/(?:ip4|ip6|dns|dns4|dns6)\/[^/\s]+\/tcp\/(\d{1,5})(?:\/p2p\/[^/\s]+)?$/.exec(text)?.[1]
  if (text.length > addressBytesMax) return `an address may have at most ${addressBytesMax} characters`
  if (port === undefined) return `${JSON.stringify(text)} is not an address of the form /ip4/10.0.0.5/tcp/4001`
  return Number(port) <= 65_535 ? undefined : `${port} is not a port: the largest is 65535`
}

/** What is wrong with host:port, in words. */
export function hostPortProblem(text: string): string | undefined {
  const port = /^(?:\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):(\d{1,5})$/.exec(text)?.[1]
  if (port === undefined) return `${JSON.stringify(text.slice(0, 100))} is not of the form host:port, such as 127.0.0.1:9464`
  return Number(port) <= 65_535 ? undefined : `${port} is not a port: the largest is 65535`
}

/** What is wrong with the name of a file, in words. A secret that was pasted in its place is not repeated. */
export function pathProblem(text: string): string | undefined {
  if (text === '') return 'is empty; expected the name of a file'
  if (/[\n\0{]/.test(text) || text.length > 4096)
    return 'is not the name of a file; secrets are kept in files of their own and only named here'
  return undefined
}

/** Text, with the words for what it should be. A number in its place reads as text, so that the answer names the missing unit. */
function written(expected: string) {
  return z.string({ error: (issue) => (issue.input === undefined ? undefined : `expected ${expected}${foundNumber(issue.input)}`) })
}

function foundNumber(input: unknown): string {
  return typeof input === 'number' ? `, found ${input}` : ''
}

function tryParse(parse: (text: string) => number, text: string, context: z.RefinementCtx): number {
  try {
    return parse(text)
  } catch (thrown) {
    if (!(thrown instanceof HeirloomError)) throw thrown
    return refuse(context, thrown.hint === undefined ? thrown.message : `${thrown.message}: ${thrown.hint}`)
  }
}

function refuse(context: z.RefinementCtx, message: string): never {
  context.addIssue({ code: 'custom', message })
  return z.NEVER
}
