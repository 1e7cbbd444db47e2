// The address of this machine on the network that leads to a peer: what a peer listens on when it isn't told. So a relay on loopback
// makes a peer that listens on loopback only, and one in a private network makes a peer that its fleet can reach.

import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { isIPv6 } from 'node:net'
import { parseAddress } from './node.ts'

/** A multiaddr to listen on (any free port) for reaching what `address` is on. Sends nothing: connecting a datagram socket only picks a route. */
export async function listenTowards(address: string): Promise<string> {
  const host = hostOf(address)
  const { address: ip } = await lookup(host)
  const socket = createSocket(isIPv6(ip) ? 'udp6' : 'udp4')
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.connect(9, ip, resolve)
    })
    return `/${isIPv6(ip) ? 'ip6' : 'ip4'}/${socket.address().address}/tcp/0`
  } finally {
    socket.close()
  }
}

function hostOf(address: string): string {
  const component = parseAddress(address)
    .address.getComponents()
    .find(({ name }) => /^(ip4|ip6|dns|dns4|dns6)$/.test(name))
  return component?.value ?? '127.0.0.1'
}
