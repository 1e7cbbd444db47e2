// The relay as a process: store on disk, libp2p node, HTTP, and a clean end. The thin shell around createRelay.

import { readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { systemClock } from '../src/clock.ts'
import { Deadline } from '../src/deadline.ts'
import { asHeirloomError, HeirloomError } from '../src/errors.ts'
import { serveHttp } from '../src/http/serve.ts'
import { DataEnd } from '../src/lane/data-end.ts'
import { listenHost } from '../src/net/local-address.ts'
import { createNode } from '../src/net/node.ts'
import { openIdentityFile } from '../src/cli/secret-file.ts'
import { parseKeyFile, type PoolPublic } from '../src/seal/pool-key.ts'
import { controlProtocol, dataProtocol, transferProtocol } from '../src/wire/protocols.ts'
import { circuitRules } from './circuit-rules.ts'
import type { RelayConfig } from './config.ts'
import type { QuotaLimits } from './quota.ts'
import { createRelay, type Relay } from './relay.ts'
import type { RelayCore } from './relay-core.ts'
import { systemDisk } from './store/disk.ts'
import { openDiskPackStore } from './store/disk-pack-store.ts'
import { openDiskRecordStore } from './store/disk-record-store.ts'
import { createRelayWeb } from './web.ts'
import { relayStreamWindowBytes } from '../src/limits/relay.ts'

export interface ServedRelay extends AsyncDisposable {
  readonly core: RelayCore
  readonly peerId: string
  addresses(): string[]
  /** http://host:port */
  readonly http: string
}

/** How long a drain waits for what is being written. */
const drainTimeoutMs = 10_000

/** Opens everything and serves. Throws `config`, `io`; then nothing is left open. Dispose it to drain. */
export async function serveRelay(config: RelayConfig, onWarning: (warning: HeirloomError) => void): Promise<ServedRelay> {
  await using opened = new AsyncDisposableStack()
  try {
    await systemDisk.makeFolder(config.store)
    // A store that was just made must outlive a power cut as what is in it does.
    await systemDisk.syncFolder(dirname(resolve(config.store)))
  } catch (thrown) {
    throw asHeirloomError(thrown, 'io')
  }
  const pools = await Promise.all(config.pools.map(readPool))
  const identity = await openIdentityFile(join(config.store, 'identity.key'))
  const packs = opened.use(await openDiskPackStore(join(config.store, 'packs'), { onWarning }))
  const records = opened.use(await openDiskRecordStore(join(config.store, 'records'), { onWarning }))
  const quota: QuotaLimits = Object.fromEntries(Object.entries(config.quota).filter(([, bytes]) => bytes !== undefined))
  const data = await openData(config)
  if (data !== undefined) opened.use(data)
  const terms = { quota, leaseMs: config.leaseMs, keepMsMax: config.keepMaxMs }
  const relay = opened.use(createRelay({ self: identity.peerId, packs, records, pools, ...terms, clock: systemClock, data, onWarning }))
  const links = { listen: config.listen, streamWindowBytesMax: relayStreamWindowBytes, circuits: circuitRules(relay.core) }
  const node = opened.use(await createNode({ seed: identity.seed, ...links }))
  await node.handle(controlProtocol, relay.acceptControl)
  await node.handle(transferProtocol, relay.acceptTransfer)
  if (data !== undefined) await node.handle(dataProtocol, relay.acceptData)
  const http = opened.use(await serveHttp(createRelayWeb(relay.core, node.peerId), config.http))
  const owned = opened.move()
  let disposed: Promise<void> | undefined
  return {
    core: relay.core,
    peerId: node.peerId,
    addresses: () => node.addresses(),
    http: http.url,
    [Symbol.asyncDispose]() {
      disposed ??= endAfter(drain(relay), owned)
      return disposed
    },
  }
}

async function openData({ dataPort, listen }: RelayConfig): Promise<DataEnd | undefined> {
  const host = listenHost(listen[0]!)
  if (dataPort === 'off' || host === undefined) return undefined
  return DataEnd.open({ host, port: dataPort, clock: systemClock })
}

/** Closes what is open once the drain is over, however it went. */
async function endAfter(draining: Promise<void>, opened: AsyncDisposableStack): Promise<void> {
  try {
    await draining
  } finally {
    await opened.disposeAsync()
  }
}

/** Refuses what is new, lets what is being written become durable; what isn't by then counts as not delivered. */
async function drain(relay: Relay): Promise<void> {
  using timeout = Deadline.after(systemClock, drainTimeoutMs).signal()
  await relay.drain({ signal: timeout.signal })
}

async function readPool(file: string): Promise<PoolPublic> {
  const text = await readFile(file, 'utf8').catch((thrown: unknown) => {
    throw new HeirloomError('config', `${file} can't be read: ${asHeirloomError(thrown).message}`, {
      cause: thrown,
      hint: 'give the .pub file that `heirloom keygen` wrote',
    })
  })
  const { kind, pool } = parseKeyFile(text, file)
  if (kind !== 'secret') return pool
  throw new HeirloomError('config', `${file} is the pool's secret, which a relay must not have`, { hint: 'give the .pub file beside it' })
}
