// One run of the demo: a relay, a shop with its peer under load, a termination notice, the handoff, and the successor serving the
// same load as a shop that starts cold. The successor is up before the notice (`direct`), or comes when the predecessor is gone (`later`).

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../src/clock.ts'
import { humanDuration, humanSize } from '../../src/units.ts'
import type { Child, ChildLine } from './child.ts'
import type { Children } from './children.ts'
import { type Chosen, treeSize, type TreeSize } from './directory.ts'
import { defaultLoadShape, drive, type LoadResult, shopRequests } from './load.ts'
import { noticeSeconds, peerConfig } from './peer-config.ts'
import { ShopClient } from './shop-client.ts'
import type { ShopStats } from './shop.ts'
import type { Show } from './show.ts'

export interface ScenarioOptions {
  readonly kind: 'direct' | 'later'
  /** An empty folder for everything that this run writes. */
  readonly folder: string
  /** The checkout. */
  readonly root: string
  readonly directory: Chosen
  /** How long the predecessor is under load before its notice, and heir and cold shop after it. */
  readonly loadMs: number
  readonly servedMs: number
  readonly seed: number
  readonly children: Children
  readonly show: Show
  readonly signal: AbortSignal
}

export interface Served {
  readonly load: LoadResult
  /** Of its database, during that load. */
  readonly originReads: number
  /** ms until nine tenths of the predecessor's hit rate; undefined when that was not reached. */
  readonly steadyMs: number | undefined
}

export interface ScenarioResult {
  readonly kind: 'direct' | 'later'
  /** The predecessor's account: a result as `heirloom peer --json` prints it. */
  readonly handoff: ChildLine
  /** The successor's. */
  readonly inherited: ChildLine
  /** ms from the notice to the question to the application, as the events say. */
  readonly queryMs: number
  readonly firstPackMs: number
  /** ms from the successor's claim to its first restored pack, and to all restored. */
  readonly firstRestoredMs: number
  readonly allRestoredMs: number
  /** The predecessor's shop at the notice, and the successor's in the end. */
  readonly before: ShopStats
  readonly after: ShopStats
  readonly warm: Served
  readonly cold: Served
  readonly files: TreeSize
}

/** Of the load after the handoff. */
const servedPerSecond = 350
/** What counts as warm, of the hit rate that the predecessor had. */
const warmShare = 0.9

export async function runScenario(options: ScenarioOptions): Promise<ScenarioResult> {
  const { kind, show, signal, directory, loadMs, seed } = options
  const stage = await openStage(options)
  const old = await startShop(options, 'predecessor')
  const cold = await startShop(options, 'cold')
  const guard = await startPeer(options, stage, old, 'predecessor')
  const early = kind === 'direct' ? await startSuccessor(options, stage) : undefined
  // A peer is ready at once when the relay has told it that nothing waits to be inherited.
  for (const peer of [guard, early?.peer]) await peer?.first('ready', { signal })
  show.line(early === undefined ? 'relay, predecessor and its shop are up' : 'relay, predecessor, successor and their shops are up')

  await warmUp(old.client, loadMs, seed, show, signal)
  const steady = await steadyRate(old.client, seed, signal)
  const before = await old.client.stats(signal)
  show.line(
    `the shop holds ${count(before.products)} products and ${count(before.sessions)} sessions with ${count(before.cartItems)} cart items`,
  )

  const expectedBytes = before.productBytes + directory.bytes
  show.line(`termination notice: the VM has ${noticeSeconds} s`)
  guard.tell('SIGTERM')
  const handoff = await followHandoff(guard, early?.peer, expectedBytes, show, signal)
  const heir = early ?? (await startSuccessor(options, stage))
  if (early === undefined) await followRestore(heir.peer, expectedBytes, show, signal)
  else await heir.peer.first(outcomeEvents, { signal, patienceMs })

  const [warm, coldServed] = await serveBoth(options, heir.shop.client, cold.client, steady)
  const inherited = await heir.peer.first(outcomeEvents, { signal, patienceMs })
  const files = await treeSize(heir.directory, signal)
  const after = await heir.shop.client.stats(signal)
  await Promise.all([old, heir.shop, cold].map(({ client }) => client[Symbol.asyncDispose]()))
  return { kind, handoff, inherited, before, after, warm, cold: coldServed, files, ...timings(guard, heir.peer) }
}

const outcomeEvents = ['handoff-end', 'result']

/** A handoff ends by its own deadline; after this it hangs. */
const patienceMs = (noticeSeconds + 10) * 1000

interface Stage {
  readonly keyFile: string
  readonly relays: readonly string[]
}

interface RunningShop {
  readonly socket: string
  readonly client: ShopClient
}

interface Successor {
  readonly shop: RunningShop
  readonly peer: Child
  readonly directory: string
}

async function openStage({ folder, root, children, signal }: ScenarioOptions): Promise<Stage> {
  const keyFile = join(folder, 'pool.key')
  const keygen = children.start({ name: 'keygen', cwd: root, command: ['bin/heirloom.js', 'keygen', '--pool', 'demo', '--out', keyFile] })
  await keygen.expectEnd([0], { signal })
  const command = ['bin/heirloom-relay.js', 'serve', '--json', '--store', join(folder, 'relay'), '--pool', `${keyFile}.pub`]
  const relay = children.startLasting({
    name: 'the relay',
    cwd: root,
    log: join(folder, 'relay.log'),
    command: [...command, '--listen', '/ip4/127.0.0.1/tcp/0', '--http', '127.0.0.1:0'],
  })
  const { addresses } = await relay.first('listening', { signal })
  return { keyFile, relays: addresses as string[] }
}

async function startShop({ folder, root, children, signal }: ScenarioOptions, name: string): Promise<RunningShop> {
  const socket = join(folder, `${name}-shop.sock`)
  const command = ['scripts/demo/shop-main.ts', '--socket', socket]
  const child = children.startLasting({ name: `the ${name}'s shop`, cwd: root, log: join(folder, `${name}-shop.log`), command })
  const { url } = await child.first('listening', { signal })
  return { socket, client: new ShopClient(String(url)) }
}

async function startPeer(
  options: ScenarioOptions,
  stage: Stage,
  shop: RunningShop,
  part: 'predecessor' | 'successor',
  into?: string,
): Promise<Child> {
  const { folder, root, children, directory } = options
  const file = join(folder, `${part}.yaml`)
  const text = peerConfig({
    relays: stage.relays,
    keyFile: stage.keyFile,
    socket: join(folder, `${part}.sock`),
    stateDirectory: join(folder, part),
    shopSocket: shop.socket,
    directory: into ?? directory.path,
    exclude: directory.exclude,
  })
  await writeFile(file, text)
  const peer = {
    name: `the ${part}'s peer`,
    cwd: root,
    log: join(folder, `${part}.log`),
    command: ['bin/heirloom.js', 'peer', '--config', file, '--json'],
  }
  // The predecessor's peer ends when it has handed off.
  return part === 'predecessor' ? children.start(peer) : children.startLasting(peer)
}

async function startSuccessor(options: ScenarioOptions, stage: Stage): Promise<Successor> {
  const directory = join(options.folder, 'inherited')
  await mkdir(directory)
  const shop = await startShop(options, 'successor')
  return { shop, directory, peer: await startPeer(options, stage, shop, 'successor', directory) }
}

async function warmUp(client: ShopClient, loadMs: number, seed: number, show: Show, signal: AbortSignal): Promise<void> {
  using bar = show.bar('users shop at the predecessor', loadMs)
  const requests = shopRequests({ ...defaultLoadShape, seed })
  const onProgress = (doneMs: number) => bar.update(doneMs)
  const { requests: sent, hitRate } = await drive(requests, {
    send: client.send,
    clock: systemClock,
    durationMs: loadMs,
    inFlightMax: 48,
    signal,
    onProgress,
  })
  bar.update(loadMs, `${count(sent)} requests, ${percent(hitRate)} from memory`)
}

/** The hit rate that the predecessor has come to. */
async function steadyRate(client: ShopClient, seed: number, signal: AbortSignal): Promise<number> {
  const requests = shopRequests({ ...defaultLoadShape, seed: seed + 2 })
  const { hitRate } = await drive(requests, {
    send: client.send,
    clock: systemClock,
    durationMs: 1000,
    perSecond: servedPerSecond,
    inFlightMax: 64,
    signal,
  })
  return hitRate
}

/** Until the predecessor's peer has ended. What arrived is counted where it arrives: at the successor, or by the predecessor's own account. */
async function followHandoff(
  guard: Child,
  heir: Child | undefined,
  expectedBytes: number,
  show: Show,
  signal: AbortSignal,
): Promise<ChildLine> {
  using bar = show.bar(heir === undefined ? 'handing off to the relay' : 'handing off to the successor', expectedBytes)
  using _ = (heir ?? guard).listen(addingBytes(heir === undefined ? 'pack' : 'restored', (bytes) => bar.update(bytes, humanSize(bytes))))
  const handoff = await guard.first(outcomeEvents, { signal, patienceMs })
  // A cut handoff (3) is a result as well; the report says what is missing.
  await guard.expectEnd([0, 3], { signal })
  const { bytes, elapsedMs, outcome } = handoff as unknown as { bytes: { delivered: number }; elapsedMs: number; outcome: string }
  bar.update(expectedBytes, `${humanSize(bytes.delivered)} in ${humanDuration(elapsedMs)}: ${outcome}`)
  return handoff
}

/** Until the successor counts as ready: the rest arrives while it serves. */
async function followRestore(heir: Child, expectedBytes: number, show: Show, signal: AbortSignal): Promise<void> {
  using bar = show.bar('the successor comes and restores', expectedBytes)
  using _ = heir.listen(addingBytes('restored', (bytes) => bar.update(bytes, humanSize(bytes))))
  const { why } = await heir.first('ready', { signal, patienceMs })
  bar.update(expectedBytes, `ready: ${String(why)}`)
}

function addingBytes(event: string, told: (bytes: number) => void): (line: ChildLine) => void {
  let sum = 0
  return (line) => {
    if (line.event !== event || typeof line['bytes'] !== 'number') return
    sum += line['bytes']
    told(sum)
  }
}

/** The same requests at the same times to both. */
async function serveBoth(
  { seed, servedMs, show, signal }: ScenarioOptions,
  warm: ShopClient,
  cold: ShopClient,
  steady: number,
): Promise<[Served, Served]> {
  using bar = show.bar('the same users at heir and cold shop', servedMs)
  const serve = async (client: ShopClient, onProgress?: (doneMs: number) => void): Promise<Served> => {
    const before = await client.stats(signal)
    const requests = shopRequests({ ...defaultLoadShape, seed: seed + 1 })
    const common = { send: client.send, clock: systemClock, durationMs: servedMs, perSecond: servedPerSecond, inFlightMax: 64, signal }
    const load = await drive(requests, { ...common, ...(onProgress && { onProgress }) })
    const after = await client.stats(signal)
    return { load, originReads: after.originReads - before.originReads, steadyMs: load.reached(warmShare * steady) }
  }
  const served = await Promise.all([serve(warm, (doneMs) => bar.update(doneMs)), serve(cold)])
  bar.update(servedMs, `${percent(served[0].load.hitRate)} and ${percent(served[1].load.hitRate)} from memory`)
  return served
}

/** From the wall times of the events that each peer told. */
function timings(guard: Child, heir: Child): Pick<ScenarioResult, 'queryMs' | 'firstPackMs' | 'firstRestoredMs' | 'allRestoredMs'> {
  const atMs = (child: Child, event: string) => Number(child.seen(event)?.['atMs'] ?? NaN)
  return {
    queryMs: atMs(guard, 'query') - atMs(guard, 'notice'),
    firstPackMs: atMs(guard, 'first-pack') - atMs(guard, 'notice'),
    firstRestoredMs: atMs(heir, 'restored') - atMs(heir, 'claim'),
    allRestoredMs: Math.min(...outcomeEvents.map((event) => atMs(heir, event)).filter(Number.isFinite)) - atMs(heir, 'claim'),
  }
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(share > 0.0995 ? 0 : 1)} %`
}

export function count(number: number): string {
  return number.toLocaleString('en')
}
