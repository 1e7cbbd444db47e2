// A file that appears when the VM is going: for schedulers and for people. Looked for at every change of its folder, and every second,
// since not every file system tells of changes.

import { readFile, watch } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { delay, type Clock } from '../../src/clock.ts'
import { noticeFileBytesMax, noticeFilePollMs, noticeFileSettleMs } from '../../src/limits/notice.ts'
import { parseDuration } from '../../src/units.ts'
import type { Notice, NoticeKind, NoticeSource } from './notice.ts'

export interface FileNoticeOptions {
  readonly path: string
  /** How long we have from then, when the file doesn't say. */
  readonly deadlineMs: number
  readonly clock: Clock
}

/**
 * The file may be empty, or a JSON object with `kind`, `reason`, and `deadlineMs` or `deadline` (`30s`). Each appearance and each change
 * of its text is one notice.
 */
export function createFileNotice({ path, deadlineMs, clock }: FileNoticeOptions): NoticeSource {
  return {
    kind: 'file',
    async *watch({ signal }) {
      let seen: string | undefined
      while (!signal.aborted) {
        const text = await readWhole(path, clock, signal)
        if (text !== undefined && text !== seen) yield noticeOf(text, path, deadlineMs)
        seen = text
        await changed(path, clock, signal)
      }
    },
  }
}

/** Whoever writes the file makes it first and fills it then: what is empty, or no JSON, is looked at again a moment later. */
async function readWhole(path: string, clock: Clock, signal: AbortSignal): Promise<string | undefined> {
  const text = await readNotice(path)
  if (text === undefined || parse(text) !== undefined) return text
  await delay(clock, noticeFileSettleMs, signal).catch(() => {})
  return readNotice(path)
}

async function readNotice(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).slice(0, noticeFileBytesMax)
  } catch {
    return undefined
  }
}

function noticeOf(text: string, path: string, fallbackMs: number): Notice {
  const fields = parse(text) ?? {}
  const kinds: readonly NoticeKind[] = ['rebalance', 'preempt', 'terminate']
  const kind = kinds.find((known) => known === fields['kind']) ?? 'terminate'
  const reason = typeof fields['reason'] === 'string' ? fields['reason'].slice(0, 500) : `file ${path}`
  return { kind, reason, deadlineMs: deadlineIn(fields) ?? fallbackMs }
}

function deadlineIn({ deadlineMs, deadline }: Record<string, unknown>): number | undefined {
  if (typeof deadlineMs === 'number' && deadlineMs >= 0 && Number.isFinite(deadlineMs)) return deadlineMs
  try {
    return typeof deadline === 'string' ? parseDuration(deadline) : undefined
  } catch {
    // A notice with a deadline that nobody can read is still a notice.
    return undefined
  }
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** Resolves when the folder has changed, after the pause, or with the signal. */
async function changed(path: string, clock: Clock, signal: AbortSignal): Promise<void> {
  const over = new AbortController()
  const either = AbortSignal.any([signal, over.signal])
  const inFolder = async () => {
    try {
      for await (const { filename } of watch(dirname(path), { signal: either }))
        if (filename === null || filename === basename(path)) return
    } catch {
      // The folder isn't there, or can't be watched: the pause below serves.
      await delay(clock, 2 * noticeFilePollMs, either).catch(() => {})
    }
  }
  await Promise.race([inFolder(), delay(clock, noticeFilePollMs, either).catch(() => {})])
  over.abort()
}
