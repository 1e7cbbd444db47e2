// A relay and agents in one process, over real sockets, each with an application whose chunks a test may change.

import { writeFile } from 'node:fs/promises'
import { peerConfig, type PartOf, type PeerEvent, type RunningPeer, startPeer } from 'heirloom'
import { openRelay } from 'heirloom/relay'
import { formatPoolPublic, formatPoolSecret, generatePool } from '../../src/seal/pool-key.ts'
import { TcpGate } from './tcp-gate.ts'
import { makeTemp } from './temp.ts'
import { serveWarmApp, type HeldChunk, type WarmApp } from './warm-app.ts'

export interface ScenePeer {
  readonly running: RunningPeer
  readonly events: readonly PeerEvent[]
  event(fits: (event: PeerEvent) => boolean): Promise<PeerEvent>
}

export interface ScenePeerOptions {
  readonly relays?: readonly string[]
  readonly partOf?: PartOf
  /** Beside its application. */
  readonly directory?: string
}

export interface HeldApp {
  readonly held: Map<string, HeldChunk>
  readonly app: WarmApp
}

export interface PeerScene extends AsyncDisposable {
  /** The policy stands over the scene's own. */
  start(name: string, app: WarmApp, policy: object, options?: ScenePeerOptions): Promise<ScenePeer>
  app(chunks?: readonly HeldChunk[]): Promise<HeldApp>
  /** The relay behind a gate, and its address there. */
  gate(): Promise<{ gate: TcpGate; address: string }>
}

export async function openScene(): Promise<PeerScene> {
  await using resources = new AsyncDisposableStack()
  const temp = resources.use(await makeTemp())
  const pool = generatePool('scene')
  await writeFile(temp.at('pool.key'), formatPoolSecret(pool), { mode: 0o600 })
  await writeFile(temp.at('pool.pub'), formatPoolPublic(pool))
  const relay = resources.use(await openRelay({ store: temp.at('store'), pools: [temp.at('pool.pub')], lease: '1500ms' }))
  const owned = resources.move()
  return {
    async start(name, app, policy, { relays = relay.addresses(), partOf, directory } = {}) {
      const events: PeerEvent[] = []
      const waiting = new Set<(event: PeerEvent) => void>()
      const onEvent = (event: PeerEvent) => {
        events.push(event)
        for (const each of waiting) each(event)
      }
      const config = peerConfig({
        relays: [...relays],
        key: temp.at('pool.key'),
        listen: ['/ip4/127.0.0.1/tcp/0'],
        state: temp.at(name),
        socket: temp.at(`${name}.sock`),
        notices: [],
        await: 'always',
        sources: [
          { name: 'shop', kind: 'app', url: app.url },
          ...(directory === undefined ? [] : [{ name: 'files', kind: 'directory' as const, path: directory }]),
        ],
        policy: { reserve: '1s', ...policy },
      })
      const running = owned.use(await startPeer(config, { onEvent, ...(partOf && { partOf }) }))
      return {
        running,
        events,
        event(fits) {
          const past = events.find(fits)
          return past === undefined
            ? new Promise((resolve) => waiting.add((event) => fits(event) && resolve(event)))
            : Promise.resolve(past)
        },
      }
    },
    async app(chunks = []) {
      const held = new Map(chunks.map((chunk) => [chunk.id, chunk]))
      const inventory = () => [...held.values()].map(({ content, ...chunk }) => ({ bytes: content.byteLength, ...chunk }))
      const read = (id: string) => {
        const content = held.get(id)?.content
        return content && { body: content }
      }
      return { held, app: owned.use(await serveWarmApp([], { inventory, read })) }
    },
    async gate() {
      const [address] = relay.addresses()
      const gate = owned.use(await TcpGate.open(Number(/tcp\/(\d+)/.exec(address!)![1])))
      return { gate, address: address!.replace(/tcp\/\d+/, `tcp/${gate.port}`) }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
