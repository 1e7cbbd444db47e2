// Checks of the notices: which cloud this is, whether it is watched, and whether its metadata service answers. Nothing is changed.

import { constants } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock } from '../../src/clock.ts'
import { asHeirloomError, HeirloomError } from '../../src/errors.ts'
import { doctorTimeoutMs } from '../../src/limits/agent.ts'
import { humanDuration } from '../../src/units.ts'
import type { NoticeEntry } from '../config/notice-entry.ts'
import type { Cloud } from '../notice/cloud.ts'
import { clouds } from '../notice/clouds.ts'
import { findCloud } from '../notice/find-cloud.ts'
import { readFirmware } from '../notice/firmware.ts'
import { openHttpCaller } from '../notice/http-call.ts'
import { MetadataService } from '../notice/metadata-service.ts'
import { ok, warn, type Finding } from './finding.ts'
import { expectAccess } from './local.ts'

interface NoticeCheck {
  readonly clock: Clock
  readonly dmiFolder: string
  readonly signal: AbortSignal
}

/** Says which cloud this is by its firmware, and whether its notices are watched for. */
export async function checkCloud(notices: readonly NoticeEntry[], dmiFolder: string): Promise<Finding> {
  const hint = await readFirmware(dmiFolder)
  if (hint === undefined) return ok('cloud', 'the firmware names none that Heirloom knows')
  const { name } = cloudOf(hint.kind)
  const message = `${name}: ${hint.how}`
  if (notices.some(({ kind }) => kind === 'auto' || kind === hint.kind)) return ok('cloud', message)
  return warn('cloud', `${message}; nothing watches for its notices`, `add "- kind: ${hint.kind}" to notices`)
}

export async function checkNotice(notice: NoticeEntry, options: NoticeCheck): Promise<Finding> {
  const check = `notice ${notice.kind}`
  switch (notice.kind) {
    case 'signal':
      return ok(check, `${notice.signal}, then ${humanDuration(notice.deadlineMs)}`)
    case 'file':
      return checkFile(check, notice.path)
    case 'auto':
      return checkAuto(check, notice.endpoint, options)
    default:
      return checkService(check, cloudOf(notice.kind), notice.endpoint, options)
  }
}

async function checkFile(check: string, path: string): Promise<Finding> {
  if ((await stat(path).catch(() => undefined)) !== undefined) {
    return warn(check, `${path} is there already`, 'a peer that starts now would hand off at once; remove it')
  }
  await expectAccess(dirname(path), constants.R_OK | constants.X_OK, 'watched')
  return ok(check, `${path}, when it appears`)
}

async function checkAuto(check: string, endpoint: string | undefined, { clock, dmiFolder, signal }: NoticeCheck): Promise<Finding> {
  await using caller = openHttpCaller()
  const { cloud, hint, how } = await findCloud({ clouds, endpoint, dmiFolder, clock, call: caller.call, signal })
  if (cloud !== undefined) return ok(check, `${cloud.name}: ${how}`)
  const advice = hint === undefined ? 'right where there is no cloud; else give its kind and endpoint' : cloudOf(hint.kind).hint
  return warn(check, `no cloud was found: ${how}`, advice)
}

/** Asks the cloud's own questions once: what they raise is what a peer that starts now would see. */
async function checkService(check: string, cloud: Cloud, endpoint: string, { clock, signal }: NoticeCheck): Promise<Finding> {
  await using caller = openHttpCaller()
  const service = new MetadataService({ endpoint, clock, call: caller.call })
  const limited = { signal: AbortSignal.any([signal, AbortSignal.timeout(doctorTimeoutMs)]) }
  try {
    if (!(await cloud.recognise(service, limited))) {
      throw new HeirloomError('config', `what answers at ${endpoint} is not the metadata service of ${cloud.name}`, {
        hint: 'is this that cloud? With "- kind: auto" Heirloom finds out itself',
      })
    }
    const questions = cloud.watch(service, { deadlineMs: cloud.deadlineMs, tell: () => {} })
    const raised = (await Promise.all(questions.map((question) => question.look(limited)))).flatMap(({ flags }) => flags)
    const [first] = raised
    if (first === undefined) return ok(check, `${cloud.name} answers at ${endpoint}: nothing is announced`)
    return warn(check, `${cloud.name} answers at ${endpoint}: ${first.reason}`, 'a peer that starts now would act on it')
  } catch (thrown) {
    signal.throwIfAborted()
    const { code, message, hint } = asHeirloomError(thrown)
    if (code === 'config') throw thrown
    throw new HeirloomError('config', `${cloud.name} tells no notices: ${message}`, { hint: hint ?? cloud.hint, cause: thrown })
  }
}

function cloudOf(kind: Cloud['kind']): Cloud {
  return clouds.find((cloud) => cloud.kind === kind)!
}
