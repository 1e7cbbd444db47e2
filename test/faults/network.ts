// Each party in a network namespace of its own, on one bridge: links go down and come up again, and are shaped. Needs root and iproute2.

import { execFile } from 'node:child_process'
import process from 'node:process'
import { promisify } from 'node:util'
import { Fleet } from '../helpers/fleet.ts'
import type { ProgramOptions } from '../helpers/process.ts'
import { handOffUnderFault, parties, withFaultSeed, type Party } from './handoff-under-fault.ts'
import { lasting } from '../helpers/lasting.ts'

const exec = promisify(execFile)

export class NetLab implements AsyncDisposable {
  /** In every name of this lab; interfaces have at most 15 letters. */
  readonly #mark: string
  readonly #net: string

  private constructor(index: number) {
    this.#mark = `hl${process.pid % 100_000}${String.fromCharCode(97 + (index % 26))}`
    this.#net = `10.77.${(process.pid + index) % 250}`
  }

  /** Throws when this user may not make networks. */
  static async open(index: number): Promise<NetLab> {
    const lab = new NetLab(index)
    try {
      await lab.#make()
      return lab
    } catch (thrown) {
      await lab[Symbol.asyncDispose]()
      throw new Error(`this test makes network namespaces: run it as root, with iproute2 installed (${String(thrown)})`, { cause: thrown })
    }
  }

  address(party: Party): string {
    return `${this.#net}.${parties.indexOf(party) + 1}`
  }

  /** What runs a program in the party's namespace. */
  program(party: Party): ProgramOptions {
    return { runtime: ['ip', 'netns', 'exec', this.#space(party), process.execPath] }
  }

  async link(party: Party, state: 'up' | 'down'): Promise<void> {
    await exec('ip', ['link', 'set', this.#outside(party), state])
  }

  /** What goes to the party passes at most so fast. */
  async shape(party: Party, rate: string): Promise<void> {
    await exec('tc', ['qdisc', 'replace', 'dev', this.#outside(party), 'root', 'tbf', 'rate', rate, 'burst', '64kb', 'latency', '100ms'])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Whatever was made goes, and its interfaces with it.
    for (const party of parties) await exec('ip', ['netns', 'delete', this.#space(party)]).catch(() => {})
    await exec('ip', ['link', 'delete', this.#mark]).catch(() => {})
  }

  async #make(): Promise<void> {
    await exec('ip', ['link', 'add', this.#mark, 'type', 'bridge'])
    await exec('ip', ['address', 'add', `${this.#net}.254/24`, 'dev', this.#mark])
    await exec('ip', ['link', 'set', this.#mark, 'up'])
    for (const party of parties) {
      const space = this.#space(party)
      const inside = `${this.#outside(party)}i`
      await exec('ip', ['netns', 'add', space])
      await exec('ip', ['link', 'add', this.#outside(party), 'type', 'veth', 'peer', 'name', inside, 'netns', space])
      await exec('ip', ['link', 'set', this.#outside(party), 'master', this.#mark, 'up'])
      await exec('ip', ['-n', space, 'address', 'add', `${this.address(party)}/24`, 'dev', inside])
      await exec('ip', ['-n', space, 'link', 'set', inside, 'up'])
      await exec('ip', ['-n', space, 'link', 'set', 'lo', 'up'])
    }
  }

  #space(party: Party): string {
    return `${this.#mark}-${party}`
  }

  #outside(party: Party): string {
    return `${this.#mark}${party[0]}`
  }
}

/** A handoff over links of their own; `meddle` does something to one of them in the middle. */
async function overLinks(seed: number, name: string, meddle: (lab: NetLab, party: Party, ms: number) => Promise<void>): Promise<void> {
  await withFaultSeed(name, seed, async (random) => {
    await using lab = await NetLab.open(seed)
    const relay = `lease: 1s\nhttp: ${lab.address('relay')}:0`
    await using fleet = await Fleet.start({ relay, host: lab.address('relay'), relayRuntime: lab.program('relay') })
    const programs = { predecessor: lab.program('predecessor'), successor: lab.program('successor') }
    const party = parties[seed % parties.length]!
    await handOffUnderFault({ fleet, random, programs, strike: () => meddle(lab, party, random.integer(200, 3000)) })
  })
}

export function partition(seed: number): Promise<void> {
  return overLinks(seed, 'a partition', async (lab, party, ms) => {
    await lab.link(party, 'down')
    await lasting(ms)
    await lab.link(party, 'up')
  })
}

export function slowLink(seed: number): Promise<void> {
  return overLinks(seed, 'a slow link', (lab, party, ms) => lab.shape(party, `${8 + (ms % 40)}mbit`))
}
