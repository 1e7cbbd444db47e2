// Which cloud this VM is in: what the firmware says is asked first, then all that we know, side by side.

import type { Clock } from '../../src/clock.ts'
import { cloudProbeTimeoutMs } from '../../src/limits/notice.ts'
import type { Cloud } from './cloud.ts'
import { readFirmware, type FirmwareHint } from './firmware.ts'
import type { HttpCall } from './http-call.ts'
import { MetadataService } from './metadata-service.ts'

export interface SearchOptions {
  readonly clouds: readonly Cloud[]
  /** Asked instead of every cloud's own. */
  readonly endpoint: string | undefined
  readonly dmiFolder: string
  readonly clock: Clock
  readonly call: HttpCall
  readonly signal: AbortSignal
}

export interface Search {
  /** Whose metadata service answers. */
  readonly cloud?: Cloud
  /** For people: how it was found, or what was looked at. */
  readonly how: string
  /** What the firmware says, whether or not anybody answers. */
  readonly hint?: FirmwareHint
}

/** Looks once, for about as long as one question may take. Rejects only with the signal's reason. */
export async function findCloud(options: SearchOptions): Promise<Search> {
  const { clouds, dmiFolder, signal } = options
  const hint = await readFirmware(dmiFolder)
  const hinted = clouds.find(({ kind }) => kind === hint?.kind)
  if (hint !== undefined && hinted !== undefined && (await recognised(hinted, options))) {
    return { cloud: hinted, hint, how: `${hint.how}, and its metadata service answers at ${endpointOf(hinted, options)}` }
  }
  const answers = await Promise.all(clouds.map(async (cloud) => cloud !== hinted && (await recognised(cloud, options))))
  signal.throwIfAborted()
  const cloud = clouds[answers.indexOf(true)]
  if (cloud !== undefined) return { cloud, hint, how: `its metadata service answers at ${endpointOf(cloud, options)}` }
  const asked = [...new Set(clouds.map((each) => endpointOf(each, options)))].join(', ')
  return { hint, how: `${hint?.how ?? 'the firmware names no cloud'}, and no metadata service answers at ${asked}` }
}

function endpointOf({ endpoint }: Cloud, options: SearchOptions): string {
  return options.endpoint ?? endpoint
}

async function recognised(cloud: Cloud, options: SearchOptions): Promise<boolean> {
  const { clock, call, signal } = options
  const over = new AbortController()
  const cancel = clock.after(cloudProbeTimeoutMs, () => over.abort())
  try {
    const service = new MetadataService({ endpoint: endpointOf(cloud, options), clock, call })
    return await cloud.recognise(service, { signal: AbortSignal.any([signal, over.signal]) })
  } catch {
    return false
  } finally {
    cancel()
  }
}
