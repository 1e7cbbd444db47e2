// What a relay's node lends, and to whom; what a peer's node makes of it.

import { randomBytes } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { circuitAddress } from '../../src/net/circuit-address.ts'
import type { CircuitRules } from '../../src/net/circuit.ts'
import { createNode, type LinkingNode } from '../../src/net/node.ts'
import type { Channel } from '../../src/wire/channel.ts'
import { frameType, makeFrame, type Frame } from '../../src/wire/frame.ts'
import { refusedLater } from '../helpers/refusal.ts'

const test = suite('circuits')

const local = '/ip4/127.0.0.1/tcp/0'
const protocol = '/test/1'
const packBytes = 3_000_000

interface Scene extends AsyncDisposable {
  readonly relay: LinkingNode
  /** Where the others find the relay. */
  readonly address: string
  readonly from: LinkingNode
  readonly to: LinkingNode
  /** What was opened to `to`. */
  readonly accepted: Promise<Channel>
}

async function scene(rules: Partial<CircuitRules> = {}): Promise<Scene> {
  await using nodes = new AsyncDisposableStack()
  const node = async (options: Pick<Parameters<typeof createNode>[0], 'circuits'>) =>
    nodes.use(await createNode({ seed: randomBytes(32), listen: [local], ...options }))
  const relay = await node({ circuits: { mayReserve: () => true, mayConnect: () => true, ...rules } })
  const from = await node({ circuits: 'use' })
  const to = await node({ circuits: 'use' })
  const accepted = Promise.withResolvers<Channel>()
  await to.handle(protocol, accepted.resolve)
  const [address] = relay.addresses()
  for (const peer of [from, to]) await peer.connect([address!], { signal: AbortSignal.timeout(10_000) })
  const owned = nodes.move()
  return { relay, address: address!, from, to, accepted: accepted.promise, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

const signal = () => AbortSignal.timeout(10_000)

test('what two peers say through a relay goes on beyond the limits that circuits usually have', async () => {
  await using at = await scene()
  await at.to.reserve(at.address)
  const channel = await at.from.open([circuitAddress(at.address, at.to.peerId)], protocol, { signal: signal() })
  const other = await at.accepted
  assert.equal([channel.isRelayed, other.isRelayed], [true, true])
  assert.equal([channel.remotePeer, other.remotePeer], [at.to.peerId, at.from.peerId])
  assert.is(channel.remoteHost, undefined, 'the host of such an address is the relay')
  const arrived = Promise.withResolvers<Frame>()
  other.onFrame(arrived.resolve)
  channel.send(makeFrame(frameType.pack, new Uint8Array(packBytes).fill(7)))
  assert.is((await arrived.promise).bytes, packBytes)
})

test('its own place at a relay is not among the addresses that a peer announces', async () => {
  await using at = await scene()
  await at.to.reserve(at.address)
  assert.is(at.to.addresses().filter((address) => address.includes('p2p-circuit')).length, 0)
})

test('a place can be asked for again and again', async () => {
  await using at = await scene()
  for (let time = 0; time < 3; time++) await at.to.reserve(at.address)
})

test('whoever is not enrolled gets no place, and reaches nobody', async () => {
  await using nobody = await scene({ mayReserve: () => false })
  await refusedLater(nobody.to.reserve(nobody.address), 'unsupported')
  await using at = await scene({ mayConnect: () => false })
  await at.to.reserve(at.address)
  await refusedLater(at.from.open([circuitAddress(at.address, at.to.peerId)], protocol, { signal: signal() }), 'link-lost')
})

test('a peer that has no place is not reached', async () => {
  await using at = await scene()
  await refusedLater(at.from.open([circuitAddress(at.address, at.to.peerId)], protocol, { signal: signal() }), 'link-lost')
})

test('a relay that lends nothing, and a node that uses nothing, say so', async () => {
  await using plain = await createNode({ seed: randomBytes(32), listen: [local] })
  await refusedLater(plain.reserve(plain.addresses()[0]!), 'unsupported')
  await using user = await createNode({ seed: randomBytes(32), listen: [], circuits: 'use' })
  await user.connect(plain.addresses(), { signal: signal() })
  await refusedLater(user.reserve(plain.addresses()[0]!), 'unsupported')
})

test('a direct connection is not taken for one through the relay, nor the other way round', async () => {
  await using at = await scene()
  await at.to.reserve(at.address)
  await at.from.connect(at.to.addresses(), { signal: signal() })
  const through = await at.from.open([circuitAddress(at.address, at.to.peerId)], protocol, { signal: signal() })
  const direct = await at.from.open(at.to.addresses(), protocol, { signal: signal() })
  assert.equal([through.isRelayed, direct.isRelayed], [true, false])
})

test.run()
