// Hosts behind NAT, on one machine: network namespaces with a router each between them and a network in the middle. It needs root, iproute2 and
// nftables. Nothing in it can reach, or be reached from, anywhere else.
//
//   left (10.71.1.2) ── left router ══ NAT ══╮
//                                            ├── middle (192.0.2.1)
//   right (10.71.2.2) ─ right router ═ NAT ══╯

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** From RFC 5737: addresses that exist in documents alone. */
const middleAddress = '192.0.2.1'

export type Host = 'left' | 'right' | 'middle'

export class NatLab implements AsyncDisposable {
  readonly middleAddress = middleAddress
  readonly #prefix = `hl${process.pid}-`
  readonly #spaces: string[] = []

  private constructor() {}

  static async open(): Promise<NatLab> {
    const lab = new NatLab()
    try {
      await lab.#build()
      return lab
    } catch (thrown) {
      await lab[Symbol.asyncDispose]()
      throw new Error('network namespaces can not be made here: this test needs root, iproute2 and nftables', { cause: thrown })
    }
  }

  /** What runs a program on a host, to be put before it. */
  on(host: Host): string[] {
    return ['ip', 'netns', 'exec', this.#name(host), process.execPath]
  }

  async #build(): Promise<void> {
    for (const space of ['middle', 'left', 'right', 'left-router', 'right-router']) await this.#add(space)
    await this.#in('middle', 'ip', 'link', 'add', 'bridge', 'type', 'bridge')
    await this.#in('middle', 'ip', 'address', 'add', `${middleAddress}/24`, 'dev', 'bridge')
    await this.#in('middle', 'ip', 'link', 'set', 'bridge', 'up')
    await this.#addSide('left', 1)
    await this.#addSide('right', 2)
  }

  async #addSide(side: 'left' | 'right', number: number): Promise<void> {
    const router = `${side}-router`
    await this.#link({ space: side, device: 'eth0' }, { space: router, device: 'inside' })
    await this.#link({ space: router, device: 'outside' }, { space: 'middle', device: side })
    await this.#in('middle', 'ip', 'link', 'set', side, 'master', 'bridge')
    await this.#in(side, 'ip', 'address', 'add', `10.71.${number}.2/24`, 'dev', 'eth0')
    await this.#in(side, 'ip', 'route', 'add', 'default', 'via', `10.71.${number}.1`)
    await this.#in(router, 'ip', 'address', 'add', `10.71.${number}.1/24`, 'dev', 'inside')
    await this.#in(router, 'ip', 'address', 'add', `192.0.2.${number + 1}/24`, 'dev', 'outside')
    await this.#in(router, 'sysctl', '-q', '-w', 'net.ipv4.ip_forward=1')
    const rules = 'table ip nat { chain out { type nat hook postrouting priority 100; oifname "outside" masquerade; }; }'
    await this.#feed(router, rules)
  }

  async #link(one: End, other: End): Promise<void> {
    const [oneSpace, otherSpace] = [this.#name(one.space), this.#name(other.space)]
    await run('ip', ['link', 'add', one.device, 'netns', oneSpace, 'type', 'veth', 'peer', 'name', other.device, 'netns', otherSpace])
    for (const { space, device } of [one, other]) await this.#in(space, 'ip', 'link', 'set', device, 'up')
  }

  async #add(space: string): Promise<void> {
    await run('ip', ['netns', 'add', this.#name(space)])
    this.#spaces.push(space)
    await this.#in(space, 'ip', 'link', 'set', 'lo', 'up')
  }

  async #in(space: string, ...command: string[]): Promise<void> {
    await run('ip', ['netns', 'exec', this.#name(space), ...command])
  }

  async #feed(space: string, rules: string): Promise<void> {
    const nft = spawn('ip', ['netns', 'exec', this.#name(space), 'nft', '-f', '-'], { stdio: ['pipe', 'ignore', 'inherit'] })
    nft.stdin.end(rules)
    const [code] = (await once(nft, 'close')) as [number]
    if (code !== 0) throw new Error(`nft ended with ${code}`)
  }

  #name(space: string): string {
    return this.#prefix + space
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const space of this.#spaces.splice(0)) await run('ip', ['netns', 'delete', this.#name(space)])
  }
}

interface End {
  readonly space: string
  readonly device: string
}
