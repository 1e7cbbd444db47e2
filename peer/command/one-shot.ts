// What `send` and `receive` have in common: their flags, the progress bar, the result.

import { onInterrupt } from '../../src/cli/entry.ts'
import { laneFlag, relayFlag, requireFlags, textFlag, type Lanes } from '../../src/cli/flag.ts'
import type { Output } from '../../src/cli/output.ts'
import { openProgressBar } from '../../src/cli/progress-bar.ts'
import type { Invocation } from '../../src/cli/program.ts'
import { readKeyFile } from '../../src/cli/secret-file.ts'
import { systemClock } from '../../src/clock.ts'
import { HeirloomError } from '../../src/errors.ts'
import { laneKinds } from '../../src/lane/lane.ts'
import { policyLanesProblem } from '../../src/plan/policy.ts'
import type { PeerEvent } from '../events.ts'
import type { OneShotOptions } from '../one-shot.ts'
import { exitCodeOf, type HandoffResult } from '../result.ts'
import { identityFlag, identityFor, stateFlag } from './identity.ts'
import { resultText } from './result-text.ts'

export function oneShotFlags(directory: string, key: string) {
  return [
    relayFlag(),
    textFlag('--key <file>', key),
    textFlag('--directory <directory>', directory),
    laneFlag(),
    identityFlag(),
    stateFlag(),
  ]
}

/** Reads the shared flags, runs the handoff under a progress bar, and prints what came of it. */
export async function runOneShot(
  { flags, command, output }: Invocation,
  run: (options: OneShotOptions) => Promise<HandoffResult>,
): Promise<number> {
  requireFlags(command, 'relay', 'key', 'directory')
  const lanes: Lanes = flags['lane'] ?? laneKinds
  const problem = policyLanesProblem(lanes)
  if (problem !== undefined) throw new HeirloomError('usage', `--lane ${problem}`, { hint: `such as --lane stream,store` })
  const keyFile = await readKeyFile(flags['key'])
  const identity = await identityFor(keyFile, flags, output.terminal.env)

  using interrupt = onInterrupt()
  const result = await withBar(output, (onProgress) =>
    run({
      relays: flags['relay'],
      keyFile,
      identity,
      directory: flags['directory'],
      lanes,
      signal: interrupt.signal,
      onProgress,
      onEvent: (event) => showEvent(output, event),
    }),
  )
  output.result(result, resultText(result))
  return exitCodeOf(result.outcome)
}

/** An event as a line of JSON; for people only with the progress bar out of the way, so not here. */
function showEvent(output: Output, event: PeerEvent): void {
  if (event.event !== 'result') output.row(event)
}

async function withBar<Value>(
  output: Output,
  run: (onProgress: NonNullable<OneShotOptions['onProgress']>) => Promise<Value>,
): Promise<Value> {
  using bar = openProgressBar(output, () => systemClock.monotonicMs())
  return await run((progress) => bar.update(progress))
}
