// The host in a multiaddr, as sockets take it.

import type { Multiaddr } from '@multiformats/multiaddr'

/** An IP address or a name; undefined for what has none, and for an address that leads to somebody else first. */
export function hostOf(address: Multiaddr): string | undefined {
  const components = address.getComponents()
  if (components.some(({ name }) => name === 'p2p-circuit')) return undefined
  return components.find(({ name }) => /^(ip4|ip6|dns|dns4|dns6)$/.test(name))?.value
}
