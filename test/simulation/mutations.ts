// Production code broken on purpose, one thing at a time. The simulator must find each; if it doesn't, it has stopped looking there.

import type { Patch } from './patched-modules.ts'

export interface Mutation {
  readonly name: string
  /** A seed that shows it, where one is known. */
  readonly seed?: number | undefined
  readonly patches: readonly Patch[]
}

function mutation(name: string, file: string, from: string, to: string): Mutation {
  return { name, patches: [{ file, from, to }] }
}

export const mutations: readonly Mutation[] = [
  mutation(
    'a segment is not synced',
    'relay/store/segment-writer.ts',
    'await this.#syncTurns.take(() => this.#lend(path, ({ file }) => file.datasync()))',
    'await Promise.resolve()',
  ),
  mutation('the folders of a new segment are not synced', 'relay/store/segment-writer.ts', 'if (!isLinked) await this.#syncFolders()', ''),
  mutation(
    'the store acknowledges before it has written',
    'relay/put-session.ts',
    'await packs.put(this.key, number, pieces)',
    'void packs.put(this.key, number, pieces).catch(() => {})',
  ),
  mutation(
    'an heir acknowledges before it has restored',
    'peer/inherit/restorer.ts',
    'this.#waiting.set(number, { number, pack, bytes, wasHeld: false, isUrgent, free, settles: [settle] })',
    'this.#waiting.set(number, { number, pack, bytes, wasHeld: false, isUrgent, free, settles: [] })\n      settle()',
  ),
  mutation(
    'the relay does not compare epochs when it serves',
    'relay/rendezvous.ts',
    'return record !== undefined && record.heir === peer && record.epoch === epoch',
    'return record !== undefined',
  ),
  mutation(
    'a new claim gets the epoch of the one before',
    'relay/rendezvous.ts',
    '{ heir: peer, epoch: epoch + 1 }',
    '{ heir: peer, epoch: Math.max(1, epoch) }',
  ),
  mutation(
    'an epoch is told before it is on disk',
    'relay/relay-core.ts',
    'if (save !== undefined) await this.#records.save(save)',
    'if (save !== undefined) void this.#records.save(save).catch(() => {})',
  ),
  mutation('a torn tail is served', 'relay/store/segment-scan.ts', '(!verify || (await reader.matches(header, position)))', 'true'),
  mutation(
    'an heir does not tell the predecessor what it has',
    'peer/inherit/successor.ts',
    'have: restorer.have, windowBytes: windowOf(kind)',
    'have: restorer.superseded, windowBytes: windowOf(kind)',
  ),
  mutation(
    'barriers are ignored',
    'peer/inherit/restorer.ts',
    'return this.#hasPassed(barrierFrom, barrier) || (this.#open && !this.#isHereBelow(barrierFrom, barrier))',
    'return true',
  ),
  mutation('superseded packs are not announced', 'peer/handoff/pack-maker.ts', 'this.#superseded.add(number)', 'void numbers'),
  mutation(
    'a lease never ends',
    'relay/presence.ts',
    'return known !== undefined && this.#clock.monotonicMs() - known.heardMs <= this.#leaseMs',
    'return known !== undefined',
  ),
  mutation(
    'a sender ignores its credit',
    'src/transfer/sender.ts',
    'return this.#inFlight.size === 0 || this.#inFlightBytes + bytes <= this.#windowBytes',
    'return bytes > 0',
  ),
  mutation(
    'the receipt counts what was sent',
    'peer/handoff/predecessor.ts',
    'this.#dispatcher.sent(next)',
    'this.#dispatcher.sent(next)\n      this.#ledger.arrived(next.pack.number)',
  ),
  mutation('a fenced heir goes on', 'peer/inherit/successor.ts', "this.#over.resolve('fenced')", 'void 0'),
  mutation('the journal is not written', 'peer/inherit/restorer.ts', 'this.#options.journal.append(entry)', 'void entry'),
  mutation(
    'the quota is not kept',
    'relay/quota.ts',
    'if ((this.#used.get(of) ?? 0) + bytes <= limitBytes) continue',
    'if (of !== "") continue',
  ),
  mutation('the end of the notice is not the end', 'peer/handoff/predecessor.ts', 'while (!until.passed) {', 'while (until.leftMs >= 0) {'),
]

/** What the simulator has found in production code, put back in. */
const faults: readonly Mutation[] = [
  mutation(
    'a relay that does not answer holds up the handoff',
    'peer/handoff/predecessor.ts',
    'this.#tasks.push(this.#takeInventories())',
    'await Promise.all(this.#tasks)\n    this.#tasks.push(this.#takeInventories())',
  ),
  mutation('a pack comes after the receipt', 'peer/handoff/pipeline.ts', '      gatherer.end()\n', ''),
  {
    name: 'a silent other side holds up the end',
    patches: [
      { file: 'peer/handoff/lanes.ts', from: 'clock.after(laneGoodbyeMs,', to: 'clock.after(1e9,' },
      {
        file: 'peer/handoff/predecessor.ts',
        from: 'await Promise.race([Promise.allSettled(this.#tasks), over])',
        to: 'await Promise.race([Promise.allSettled(this.#tasks)])',
      },
    ],
  },
  mutation(
    'a timer that fires early costs a second of the deadline',
    'peer/handoff/predecessor.ts',
    'await this.#bell.wait(Math.min(laneStallMs / 4, until.leftMs))',
    'await this.#bell.wait(laneStallMs / 4)',
  ),
  {
    name: 'an inheritance whose end the relay did not hear is made again',
    patches: [
      { file: 'peer/inherit/inherit.ts', from: 'if (isTold) files.remove(directory)', to: 'files.remove(directory)\n  void isTold' },
      // What has ended is remembered a second time, against relays that are evil.
      { file: 'peer/inherit/accepted.ts', from: 'this.#known.ended.some((each) => each.handoff === handoff)', to: 'handoff === ""' },
    ],
  },
  mutation(
    'an older promise takes the place of a newer one',
    'peer/inherit/restorer.ts',
    'if (number < (this.#promisedIn.get(summary.source) ?? 0)) continue',
    '',
  ),
  mutation(
    'an inheritance that is over takes packs',
    'peer/inherit/successor.ts',
    "if (this.#stop.signal.aborted) throw new HeirloomError('busy', 'this inheritance is over')",
    '',
  ),
  mutation(
    'a receipt is not known to be the last pack',
    'peer/inherit/successor.ts',
    'if (restorer.packs !== undefined && restorer.completeBelow(restorer.packs))',
    'if (this.#packs !== undefined && restorer.completeBelow(this.#packs))',
  ),
  mutation(
    'a record that can not be read now is moved aside',
    'relay/store/disk-record-store.ts',
    "throw new HeirloomError('io', `${path} can't be read`, { cause, hint })",
    'void [cause, hint]\n    return undefined',
  ),
  mutation(
    'a store that can not sync what it finds opens without it',
    'relay/store/handoff-recovery.ts',
    '  await makeDurable(join(folder, segmentName(last)), disk)\n',
    '  try {\n    await makeDurable(join(folder, segmentName(last)), disk)\n  } catch {\n    return found\n  }\n',
  ),
  mutation(
    'a predecessor that was started again is waited for',
    'relay/presence.ts',
    'return known.enrolment === enrolment || this.#clock.monotonicMs() - known.enrolledMs <= this.#leaseMs',
    'return true',
  ),
  mutation(
    'a chunk is packed anew for each of its parts that was lost',
    'peer/handoff/predecessor.ts',
    'for (const [source, chunks] of this.#ledger.lost(numbers)) {',
    'for (const [source, chunks] of numbers.flatMap((number) => [...this.#ledger.lost([number])])) {',
  ),
  mutation(
    'what comes again is counted again',
    'peer/inherit/restorer.ts',
    'if (counted.size > 0) for (const entry of this.#options.journal.entriesOf(counted)) this.restored.remove(entry)',
    '',
  ),
  mutation('the packs of an end that could not be saved stay', 'relay/rendezvous.ts', '    outcome.drop = record.finished\n', ''),
  mutation(
    'an heir whose assignment could not be saved does not hear of it',
    'relay/rendezvous.ts',
    'if (record.heir !== undefined && record.heir !== by && !record.finished)',
    'if (by === "")',
  ),
  mutation(
    'a passing trouble of the relay ends the waiting',
    'peer/inherit/wait.ts',
    'if (!isPassingAtRelay(error) && !isFull(error)) return',
    'if (!error.retryable) return',
  ),
  mutation(
    'what waits for its barrier takes up the credit',
    'peer/inherit/restorer.ts',
    'this.#waitingBytes + bytes > heldBytesMax',
    'this.#waitingBytes + bytes > 4 * heldBytesMax',
  ),
]

/** By name: the seed that shows the fault. */
const seeds: Readonly<Record<string, number>> = {
  'what waits for its barrier takes up the credit': 424,
  'a relay that does not answer holds up the handoff': 2,
  'a pack comes after the receipt': 2,
  'a silent other side holds up the end': 2,
  'an inheritance that is over takes packs': 6,
  'an inheritance whose end the relay did not hear is made again': 27,
  'a predecessor that was started again is waited for': 1,
}

export const regressions: readonly Mutation[] = faults.map((fault) => ({ ...fault, seed: seeds[fault.name] }))
