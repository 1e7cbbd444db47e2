// A link of a given rate between two network namespaces of our own: what goes from the one to the other is held to it by the kernel (tbf). Takes root
// on Linux. Nothing outside of the two namespaces is touched.

import { HeirloomError } from '../../src/errors.ts'
import { runProgram } from './programs.ts'

/** 192.0.2.0/24 is for documentation (RFC 5737): it can't be anybody's. */
const hosts = ['192.0.2.1', '192.0.2.2'] as const

const device = 'shaped'

export interface LinkEnd {
  readonly host: string
  /** What goes before a command that is to run there. */
  readonly prefix: readonly string[]
}

export class ShapedLink implements AsyncDisposable {
  readonly near: LinkEnd
  readonly far: LinkEnd
  readonly #names: readonly string[]

  private constructor(names: readonly [string, string]) {
    this.#names = names
    const [near, far] = names.map((name, index) => ({ host: hosts[index]!, prefix: ['ip', 'netns', 'exec', name] }))
    this.near = near!
    this.far = far!
  }

  /** Throws `config` where that can't be had. */
  static async open(megabitsPerSecond: number, signal: AbortSignal): Promise<ShapedLink> {
    const names = [`heirloom-${process.pid}-a`, `heirloom-${process.pid}-b`] as const
    const link = new ShapedLink(names)
    try {
      for (const name of names) await runProgram(['ip', 'netns', 'add', name], signal)
      await runProgram(
        ['ip', '-n', names[0], 'link', 'add', 'name', device, 'type', 'veth', 'peer', 'name', device, 'netns', names[1]],
        signal,
      )
      for (const [index, name] of names.entries()) {
        await runProgram(['ip', '-n', name, 'addr', 'add', `${hosts[index]}/24`, 'dev', device], signal)
        for (const each of ['lo', device]) await runProgram(['ip', '-n', name, 'link', 'set', each, 'up'], signal)
        const shape = ['rate', `${megabitsPerSecond}mbit`, 'burst', '128kb', 'latency', '20ms']
        await runProgram(['tc', '-n', name, 'qdisc', 'add', 'dev', device, 'root', 'tbf', ...shape], signal)
      }
      return link
    } catch (thrown) {
      await link[Symbol.asyncDispose]()
      throw new HeirloomError('config', 'there is no shaped link to be had here', {
        cause: thrown,
        hint: 'it takes root, ip and tc (iproute2)',
      })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.#names) await runProgram(['ip', 'netns', 'delete', name], new AbortController().signal).catch(() => {})
  }
}
