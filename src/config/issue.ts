// A schema's issue in words for an operator: what is wrong and what was meant. A schema that knows better says so itself,
// and its words win over these.

import type { z } from 'zod'
import { nearest } from './nearest.ts'

type RawIssue = Parameters<z.core.$ZodErrorMap>[0]

const names: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a map of keys',
  record: 'a map of keys',
  array: 'a list',
}

/** The message for one issue; used as the error map of every check. */
export function describeIssue(issue: RawIssue): string | undefined {
  if (issue.input === undefined && issue.code !== 'custom') return 'is missing'
  if (issue.code === 'invalid_type') return `expected ${names[issue.expected] ?? issue.expected}, found ${describeValue(issue.input)}`
  if (issue.code === 'invalid_value') return notOneOf(issue.input, issue.values.map(String))
  if (issue.code === 'invalid_union' && Array.isArray(issue['options'])) {
    const key = String(issue['discriminator'])
    const value = (issue.input as Record<string, unknown> | null)?.[key]
    return value === undefined ? 'is missing' : notOneOf(value, issue['options'].map(String))
  }
  if (issue.code === 'too_small' && issue.origin === 'array')
    return `needs at least ${issue.minimum} ${issue.minimum === 1 ? 'entry' : 'entries'}`
  if (issue.code === 'too_big' && issue.origin === 'array') return `may have at most ${issue.maximum} entries`
  if (issue.code === 'too_small') return `must be at least ${issue.minimum}, found ${describeValue(issue.input)}`
  if (issue.code === 'too_big') return `must be at most ${issue.maximum}, found ${describeValue(issue.input)}`
  return undefined
}

/** An unknown key and the known one that was probably meant. */
export function unknownKey(key: string, known: readonly string[]): string {
  const meant = nearest(key, known)
  return meant === undefined
    ? `unknown key ${shown(key)}; known are ${known.join(', ')}`
    : `unknown key ${shown(key)}, did you mean ${meant}?`
}

/** A value that isn't one of a few words. */
export function notOneOf(value: unknown, known: readonly string[]): string {
  const meant = typeof value === 'string' ? nearest(value, known) : undefined
  const guess = meant === undefined ? '' : `, did you mean ${meant}?`
  return `${describeValue(value)} is not one of ${known.join(', ')}${guess}`
}

function describeValue(value: unknown): string {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a map of keys'
  return typeof value === 'string' ? shown(value) : `the ${typeof value} ${JSON.stringify(value)}`
}

function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
}
