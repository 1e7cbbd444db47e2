// One handoff within this process, for the tests of the claims: a relay, an application with its old peer and one with its new peer. Everything real but
// the machines.

import { rename, writeFile } from 'node:fs/promises'
import { peerConfig, startPeer, type AppSource, type HandoffResult, type PeerEvent } from 'heirloom'
import { openRelay } from 'heirloom/relay'
import type { Receipt } from '../../peer/command/receipt-text.ts'
import { formatPoolPublic, formatPoolSecret, generatePool } from '../../src/seal/pool-key.ts'
import { makeTemp, type TempDirectory } from './temp.ts'
import { serveWarmApp, type HeldChunk, type WarmApp } from './warm-app.ts'

export interface SceneOptions {
  readonly chunks: readonly HeldChunk[]
  /** More keys of the application's entry in the manifest. */
  readonly manifest?: object
  readonly policy?: object
  readonly heirPolicy?: object
  /** Policies of other peers that wait already, longer than the new peer: none of them is to get anything. */
  readonly otherHeirs?: readonly object[]
  /** More sources of the old peer, as its configuration has them. */
  readonly sources?: (temp: TempDirectory) => readonly object[]
  /** Whether the new peer waits already; else it comes when the old one is gone. */
  readonly waits?: boolean
  /** A notice file's content in place of a call of the peer's own. */
  readonly notice?: object
  /** Replaces parts of how the new application behaves. */
  readonly heirApp?: (restored: Map<string, Uint8Array>) => Partial<AppSource>
  /** Hears the old peer's events. */
  readonly onEvent?: (event: PeerEvent) => void
  /** Looks at the relay's store between the two. */
  readonly between?: (store: string) => Promise<void>
}

export interface Scene {
  readonly result: HandoffResult
  /** What it came to for the new peer. */
  readonly heirResult: HandoffResult
  readonly receipt: Receipt
  readonly events: readonly PeerEvent[]
  readonly old: Pick<WarmApp, 'log' | 'asked'>
  readonly heir: Pick<WarmApp, 'log' | 'asked' | 'restored' | 'receipts'>
}

type Settings = Parameters<typeof peerConfig>[0]

/** Hands over, and has it restored. */
export async function handOverScene(options: SceneOptions): Promise<Scene> {
  await using resources = new AsyncDisposableStack()
  const temp = resources.use(await makeTemp())
  const pool = generatePool('claims')
  await writeFile(temp.at('pool.key'), formatPoolSecret(pool), { mode: 0o600 })
  await writeFile(temp.at('pool.key.pub'), formatPoolPublic(pool))
  const relay = resources.use(await openRelay({ store: temp.at('store'), pools: [temp.at('pool.key.pub')] }))
  const old = resources.use(await serveWarmApp(options.chunks))
  const heir = resources.use(await serveWarmApp([], options.heirApp))
  const settings = (name: string, url: string, more: Partial<Settings> = {}): Settings => ({
    relays: relay.addresses(),
    key: temp.at('pool.key'),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    state: temp.at(name),
    socket: temp.at(`${name}-peer.sock`),
    notices: [],
    await: 'always',
    sources: [{ name: 'shop', kind: 'app', url, ...options.manifest }],
    ...more,
  })
  const inherited = Promise.withResolvers<HandoffResult>()
  const waiting = Promise.withResolvers<void>()
  const onHeir = ({ event, ...fields }: PeerEvent) => {
    if (event === 'inherited') inherited.resolve(fields as unknown as HandoffResult)
    if (event === 'ready') waiting.resolve()
  }
  const startHeir = async () => {
    const config = peerConfig({ ...settings('heir', heir.url), policy: options.heirPolicy ?? {} })
    return resources.use(await startPeer(config, { onEvent: onHeir }))
  }
  for (const [index, policy] of (options.otherHeirs ?? []).entries()) {
    const waits = Promise.withResolvers<void>()
    const other = peerConfig({ ...settings(`other${index}`, heir.url), policy })
    resources.use(await startPeer(other, { onEvent: ({ event }) => event === 'ready' && waits.resolve() }))
    await waits.promise
  }
  if (options.waits === true) {
    await startHeir()
    await waiting.promise
  }
  const events: PeerEvent[] = []
  const onEvent = (event: PeerEvent) => {
    events.push(event)
    options.onEvent?.(event)
  }
  const own = settings('old', old.url)
  const config = peerConfig({
    ...own,
    ...(options.notice !== undefined && { notices: [{ kind: 'file', path: temp.at('going') }] }),
    sources: [...own.sources, ...(options.sources?.(temp) ?? [])] as Settings['sources'],
    policy: { reserve: '1s', ...options.policy },
  })
  const peer = resources.use(await startPeer(config, { onEvent }))
  if (options.notice === undefined) await peer.handOff({ reason: 'the test says so', deadlineMs: 20_000 })
  else {
    // Renamed into place, so that it is never seen without its content.
    await writeFile(temp.at('notice'), JSON.stringify(options.notice))
    await rename(temp.at('notice'), temp.at('going'))
  }
  const result = (await peer.ended)!
  await options.between?.(temp.at('store'))
  if (options.waits !== true) await startHeir()
  const heirResult = await inherited.promise
  return { result, heirResult, receipt: JSON.parse(peer.receipt()!) as Receipt, events, old, heir }
}
