// The address of this machine on the network that leads to a peer: what a peer listens on when it isn't told. So a relay on loopback
// makes a peer that listens on loopback only, and one in a private network makes a peer that its fleet can reach.

import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { isIPv6 } from 'node:net'
import { multiaddr } from '@multiformats/multiaddr'
import { hostOf } from './host.ts'
import { parseAddress } from './node.ts'

/** The host in a multiaddr to listen on; undefined when it has none. */
export function listenHost(address: string): string | undefined {
  return hostOf(multiaddr(address))
}

/** A multiaddr to listen on (any free port) for reaching what `address` is on. */
export async function listenTowards(address: string): Promise<string> {
  const host = await hostTowards(address)
  return `/${isIPv6(host) ? 'ip6' : 'ip4'}/${host}/tcp/0`
}

/** This machine's own address on the way to `address`. Sends nothing: connecting a datagram socket only picks a route. */
export async function hostTowards(address: string): Promise<string> {
  const host = hostOf(parseAddress(address).address) ?? '127.0.0.1'
  const { address: ip } = await lookup(host)
  const socket = createSocket(isIPv6(ip) ? 'udp6' : 'udp4')
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.connect(9, ip, resolve)
    })
    return socket.address().address
  } finally {
    socket.close()
  }
}
