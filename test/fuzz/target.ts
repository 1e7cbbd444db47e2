// What is fuzzed: something that takes bytes from outside. Whatever they are, it answers or refuses with a HeirloomError that isn't `internal`;
// anything else that it throws, a wrong answer that it is asserted not to give, a hang or memory that it keeps is a finding.

import { HeirloomError } from '../../src/errors.ts'
import type { Shape } from './mutate.ts'

export interface Target {
  readonly name: string
  /** How its inputs are made out of other inputs. */
  readonly shape: Shape
  /** Inputs of one run against those of a target with 1: slow targets have less. */
  readonly share: number
  /** Valid inputs, and some that nearly are: what mutations start from. */
  readonly samples: () => readonly Uint8Array[]
  /** Inputs longer than this are cut, to keep the rate up. */
  readonly bytesMax?: number
  /** Throws what is wrong; a HeirloomError is an answer. */
  readonly take: (input: Uint8Array) => unknown
  /** Gives back what the target holds. */
  readonly close?: () => Promise<void>
}

/** How an input was answered, in few words: an input that is answered as none before is kept to be mutated further. */
export type Answer = string

/** Gives the target an input. Throws what is a finding. */
export function answerOf(target: Target, input: Uint8Array): Answer | Promise<Answer> {
  try {
    const answer = target.take(input)
    return answer instanceof Promise ? answer.then(textOf, refusalOf) : textOf(answer)
  } catch (thrown) {
    return refusalOf(thrown)
  }
}

function textOf(answer: unknown): Answer {
  return answer === undefined ? 'taken' : `taken: ${JSON.stringify(answer)}`
}

/** A refusal by its words, without the numbers and texts in them that come from the input. */
function refusalOf(thrown: unknown): Answer {
  if (!(thrown instanceof HeirloomError) || thrown.code === 'internal') throw thrown
  return `${thrown.code}: ${thrown.message.slice(0, 120).replaceAll(/"[^"]*"|\d+|[^\x20-\x7e]+/g, '#')}`
}

/** Throws when a target did what it must not: not a HeirloomError, so a finding. */
export function must(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`it must not be: ${what}`)
}

export function utf8(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text))
}

export function textFrom(input: Uint8Array): string {
  return Buffer.from(input.buffer, input.byteOffset, input.byteLength).toString('utf8')
}
