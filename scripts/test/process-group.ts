// The processes that a test file started: each test process leads a group of its own, so that what it leaves behind can be
// named and ended by id, and an interrupt at the terminal reaches the runner alone.

import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

/** How long children that were told to end may take to be gone. */
const settleMs = 1_000
const pollMs = 20

/** Sends `signal` to every process of the group; false when there is none any more. */
export function signalGroup(groupId: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-groupId, signal)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw thrown
  }
}

/** The command lines of the group's processes that live on after a moment to settle. Empty when all are gone. */
export async function survivors(groupId: number): Promise<string[]> {
  const endMs = performance.now() + settleMs
  for (;;) {
    const commands = signalGroup(groupId, 0) ? livingCommands(groupId) : []
    if (commands.length === 0 || performance.now() > endMs) return commands
    await pause(pollMs)
  }
}

function livingCommands(groupId: number): string[] {
  if (process.platform !== 'linux') return ['a process of its group']
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((id) => commandOf(id, groupId) ?? [])
}

/** The command line of process `id` if it is in the group and not a zombie: where nobody reaps them, zombies stay for ever. */
function commandOf(id: string, groupId: number): string | undefined {
  try {
    // The name in parentheses may hold anything, so the fields are counted from its end: state, parent, group.
    const stat = readFileSync(`/proc/${id}/stat`, 'utf8')
    const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (Number(group) !== groupId || state === 'Z' || state === 'X') return undefined
    return readFileSync(`/proc/${id}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() || `process ${id}`
  } catch {
    // It ended while it was looked at.
    return undefined
  }
}
