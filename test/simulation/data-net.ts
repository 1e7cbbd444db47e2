// What stands in for node:net below the data sockets of production code: servers and sockets of the machines of one simulated world. A host names who
// dials and who is dialled, as the machine that dials knows it; so that, unlike anything else here, this module knows its machines.

import { EventEmitter } from 'node:events'
import { SimulatedSocket, type ReadInto } from './data-socket.ts'
import type { SimulatedNode } from './network.ts'

/** By peer id: the machines whose sockets these are. Production code reaches them as it reaches a system, so there is nobody to hand them over. */
const machines = new Map<string, SimulatedNode>()

/** From now on this machine has sockets. */
export function plugIn(node: SimulatedNode): void {
  machines.set(node.peerId, node)
}

export function unplug(peerIds: Iterable<string>): void {
  for (const peerId of peerIds) machines.delete(peerId)
}

/** How `dialer` names the host of `dialled`. */
export function hostName(dialer: string, dialled: string): string {
  return `${dialer}>${dialled}`
}

/** A server of data sockets; production code listens with the machine's own peer id as host. */
class SimulatedServer extends EventEmitter {
  #node: SimulatedNode | undefined
  #port = 0

  get listening(): boolean {
    return this.#node !== undefined
  }

  address(): { port: number } {
    return { port: this.#port }
  }

  listen({ host }: { host: string }, then: () => void): void {
    const node = machines.get(host)!
    this.#node = node
    this.#port = node.dataServers.size + 1
    node.dataServers.set(this.#port, (socket) => this.emit('connection', socket))
    queueMicrotask(then)
  }

  close(): void {
    this.#node?.dataServers.delete(this.#port)
    this.#node = undefined
  }
}

export function createServer(): SimulatedServer {
  return new SimulatedServer()
}

export function connect({ host, port, onread }: { host: string; port: number; onread?: ReadInto }): SimulatedSocket {
  const [dialer = '', dialled = ''] = host.split('>')
  const node = machines.get(dialer)!
  const socket = new SimulatedSocket(node.process, onread)
  node.dialData(dialled, port, socket)
  return socket
}
