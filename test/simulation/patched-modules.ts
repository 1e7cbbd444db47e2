// Production modules as the simulator loads them: with smaller bounds, so that small worlds reach them, and in a mutation's run with one thing broken
// on purpose. Changes are made to the modules' text before they are loaded, and each must still fit.

import { registerHooks } from 'node:module'

/** One change to the text of one module. */
export interface Patch {
  /** Path from the checkout's root. */
  readonly file: string
  readonly from: string
  readonly to: string
}

const KiB = 1024

/** By file of src/limits and by name: what the bound is in a simulated world. */
const smallBounds: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'src/limits/wire.ts': { packBytesTarget: 1 * KiB, packBytesMax: 16 * KiB },
  'src/limits/lane.ts': { windowBytes: 4 * KiB, firstWindowBytes: 256, circuitWindowBytes: 3 * KiB, dataQueueBytes: 3 * KiB },
  'src/limits/demand.ts': { demandWindowBytes: 2 * KiB, directoryEveryPacks: 8 },
  'src/limits/link.ts': { controlQueueBytesMax: 32 * KiB, circuitsMax: 4 },
  'src/limits/handoff.ts': { feedAheadBytes: 2 * KiB, heldBytesMax: 512 },
  'src/limits/relay.ts': {
    relayWindowBytesTotal: 10 * KiB,
    relayTransfersMax: 4,
    relayRoomBytes: 10 * KiB,
    readRoomBytes: 2 * KiB,
    writeGatherBytes: 2 * KiB,
    writePiecesMax: 8,
    scanBufferBytes: 512,
    openSegmentsMax: 3,
    recordWritesMax: 4,
  },
}

/** The modules that are loaded with smaller bounds. */
export const boundedFiles = Object.keys(smallBounds)

/** The text with the patch made. Throws when it doesn't fit exactly once. */
export function applyPatch(text: string, { file, from, to }: Patch): string {
  const parts = text.split(from)
  if (parts.length !== 2) throw new Error(`the change to ${file} fits ${parts.length - 1} times: ${from}`)
  return parts.join(to)
}

export function withSmallBounds(file: string, text: string): string {
  let changed = text
  for (const [name, bound] of Object.entries(smallBounds[file] ?? {})) {
    const pattern = new RegExp(`^(export const ${name} = ).*$`, 'm')
    if (!pattern.test(changed)) throw new Error(`${file} has no ${name}`)
    changed = changed.replace(pattern, `$1${bound}`)
  }
  return changed
}

const root = new URL('../../', import.meta.url).href

const dataNet = new URL('data-net.ts', import.meta.url).href

/** From now on modules are loaded with these changes alone. */
export function patchTexts(patches: readonly Patch[]): void {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      const own = patches.filter(({ file }) => url === root + file)
      if (own.length === 0) return loaded
      return { ...loaded, source: own.reduce(applyPatch, Buffer.from(loaded.source as Uint8Array).toString()) }
    },
  })
}

/** From now on modules are loaded changed, and data sockets are those of simulated machines. Only what isn't loaded yet. */
export function patchModules(patches: readonly Patch[]): void {
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const isOfSockets = specifier === 'node:net' && context.parentURL?.startsWith(`${root}src/lane/`) === true
      return nextResolve(isOfSockets ? dataNet : specifier, context)
    },
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      const file = url.startsWith(root) ? url.slice(root.length) : undefined
      const own = patches.filter((patch) => patch.file === file)
      if (file === undefined || (!boundedFiles.includes(file) && own.length === 0)) return loaded
      const small = withSmallBounds(file, Buffer.from(loaded.source as Uint8Array).toString())
      return { ...loaded, source: own.reduce(applyPatch, small) }
    },
  })
}
