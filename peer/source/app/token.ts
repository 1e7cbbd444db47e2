// The token that an application on a TCP port wants to see with each call: a port is open to every user of the machine, a Unix socket only to
// those whom its permissions let in. It is in a file of its own, and read again when it was refused, so that it can be changed.

import { readFile } from 'node:fs/promises'
import { asHeirloomError, HeirloomError } from '../../../src/errors.ts'
import { appTokenBytesMax } from '../../../src/limits/source.ts'

export class AppToken {
  readonly #file: string
  #read: Promise<string> | undefined

  constructor(file: string) {
    this.#file = file
  }

  /** Throws `source-failed` when the file can't be read, or holds no token. */
  async headers(): Promise<Record<string, string>> {
    this.#read ??= readToken(this.#file)
    try {
      return { authorization: `Bearer ${await this.#read}` }
    } catch (thrown) {
      this.forget()
      throw thrown
    }
  }

  /** It was refused: the next call reads the file once more. */
  forget(): void {
    this.#read = undefined
  }
}

/** One line of visible characters. Throws `source-failed`. */
export async function readToken(file: string): Promise<string> {
  const hint = 'it holds one line: the token that the application expects'
  const text = await readFile(file, 'utf8').catch((thrown: unknown) => {
    throw new HeirloomError('source-failed', `the token's file can't be read: ${asHeirloomError(thrown).message}`, { cause: thrown, hint })
  })
  const token = text.trim()
  if (token.length > 0 && token.length <= appTokenBytesMax && /^[!-~]+$/.test(token)) return token
  throw new HeirloomError('source-failed', `${file} holds no token`, { hint })
}
