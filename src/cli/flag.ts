// Flags with a meaning: values are read and checked while the command line is parsed, so that a wrong one is a usage error
// (exit 64) before anything happens. Every flag has an environment variable HEIRLOOM_<FLAG> under it.

import { InvalidArgumentError, Option, type Command } from 'commander'
import { hostPortProblem, addressProblem, relayAddressProblem } from '../config/values.ts'
import { notOneOf } from '../config/issue.ts'
import { HeirloomError } from '../errors.ts'
import { laneKinds, type LaneKind } from '../lane/lane.ts'
import { parseDuration, parseRate, parseSize } from '../units.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** `--deadline 30s`, in milliseconds. */
export function durationFlag(flags: string, description: string, fallback?: string): Option {
  return flag(flags, description, parseDuration, fallback)
}

/** `--max-rate 50MB/s`, in bytes per second. */
export function rateFlag(flags: string, description: string, fallback?: string): Option {
  return flag(flags, description, parseRate, fallback)
}

/** `--page-size 4KiB`, in bytes. */
export function sizeFlag(flags: string, description: string, fallback?: string): Option {
  return flag(flags, description, parseSize, fallback)
}

/** A whole number from 0 on. */
export function countFlag(flags: string, description: string): Option {
  return flag(flags, description, (text) => (/^\d{1,15}$/.test(text) ? Number(text) : refuse('it is not a whole number')))
}

/** A share of something: above 0, at most 1. */
export function shareFlag(flags: string, description: string, fallback: string): Option {
  return flag(flags, description, readShare, fallback)
}

/** One or several shares. */
export function sharesFlag(flags: string, description: string, fallback: string): Option {
  return listFlag(flags, description, readShare).default(fallback.split(',').map(readShare), fallback)
}

/** A value that isn't empty. */
export function textFlag(flags: string, description: string, fallback?: string): Option {
  return flag(flags, description, (text) => (text === '' ? refuse('it is empty') : text), fallback)
}

/** A port, or off. */
export function portFlag(flags: string, description: string): Option {
  const isPort = (text: string) => /^\d{1,5}$/.test(text) && Number(text) <= 65_535
  return flag(flags, description, (text) => (text === 'off' ? text : isPort(text) ? Number(text) : refuse('it is neither a port nor off')))
}

export function hostPortFlag(flags: string, description: string): Option {
  return flag(flags, description, (text) => checked(text, hostPortProblem))
}

/** One or several relays: after one flag, separated by commas, or with the flag repeated. */
export function relayFlag(description = 'address of a relay; several are tried in the same order by all peers of a pool'): Option {
  return listFlag('--relay <address...>', description, (text) => checked(text, relayAddressProblem))
}

export function listenFlag(description: string): Option {
  return listFlag('--listen <address...>', description, (text) => checked(text, addressProblem))
}

/** Lanes in order of preference. */
export function laneFlag(): Option {
  return wordsFlag('--lane <lanes...>', 'lanes that may be used, in order of preference', laneKinds)
}

/** The lanes of `--lane`, as a type that knows them. */
export type Lanes = readonly LaneKind[]

/** One or several of a few words. */
export function wordsFlag(flags: string, description: string, words: readonly string[]): Option {
  return listFlag(flags, `${description}: ${words.join(', ')}`, (word) => (words.includes(word) ? word : refuse(notOneOf(word, words))))
}

/** A list: after one flag, separated by commas, or with the flag repeated. */
export function listFlag(flags: string, description: string, read: (text: string) => unknown = (text) => text): Option {
  const option = new Option(flags, description)
  return option.argParser((text: string, previous: readonly unknown[] | undefined) => {
    const items = text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '')
    if (items.length === 0) refuse('it is empty')
    return [...(previous === option.defaultValue ? [] : (previous ?? [])), ...items.map((item) => guarded(read, item))]
  })
}

/**
 * Fills in from the environment what the command line left open. A switch is on for any value but "", 0, false and no.
 * Throws `usage` naming the variable when its value is wrong.
 */
export function applyEnvironment(command: Command, env: Environment): void {
  for (const option of command.options) {
    const key = option.attributeName()
    const source = command.getOptionValueSource(key)
    const variable = variableOf(option)
    const text = env[variable]
    if (text === undefined || (source !== undefined && source !== 'default')) continue
    if (option.isBoolean()) {
      command.setOptionValueWithSource(key, !['', '0', 'false', 'no'].includes(text.toLowerCase()), 'env')
      continue
    }
    if (text === '') continue
    try {
      command.setOptionValueWithSource(key, option.parseArg === undefined ? text : option.parseArg(text, undefined), 'env')
    } catch (thrown) {
      if (!(thrown instanceof InvalidArgumentError)) throw thrown
      throw new HeirloomError('usage', `${variable}: ${thrown.message}`, { cause: thrown, hint: `unset ${variable}, or correct it` })
    }
  }
}

/** `HEIRLOOM_MAX_RATE` for `--max-rate`. */
function variableOf(option: Option): string {
  return `HEIRLOOM_${option.name().replaceAll('-', '_').toUpperCase()}`
}

/** Throws `usage` for the first of these that has no value, neither from a flag nor from the environment. */
export function requireFlags(command: Command, ...names: readonly string[]): void {
  for (const option of command.options) {
    if (!names.includes(option.name()) || command.getOptionValue(option.attributeName()) !== undefined) continue
    throw new HeirloomError('usage', `--${option.name()} is missing`, { hint: `give ${option.flags}, or set ${variableOf(option)}` })
  }
}

function flag(flags: string, description: string, read: (text: string) => unknown, fallback?: string): Option {
  const option = new Option(flags, description).argParser((text: string) => guarded(read, text))
  return fallback === undefined ? option : option.default(read(fallback), fallback)
}

/** What our own readers throw, as the error that commander knows. */
function guarded<Value>(read: (text: string) => Value, text: string): Value {
  try {
    return read(text)
  } catch (thrown) {
    if (!(thrown instanceof HeirloomError)) throw thrown
    return refuse(thrown.hint === undefined ? thrown.message : `${thrown.message}; ${thrown.hint}`)
  }
}

function readShare(text: string): number {
  const share = /^(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : NaN
  return share > 0 && share <= 1 ? share : refuse('it is not a share above 0 and up to 1, such as 0.25')
}

function checked(text: string, problem: (text: string) => string | undefined): string {
  const wrong = problem(text)
  return wrong === undefined ? text : refuse(wrong)
}

function refuse(message: string): never {
  throw new InvalidArgumentError(message)
}
