// What the simulator has found in production code, put back in.

import { mutation, type Mutation } from './mutations.ts'

/** A fault that was found, and is found again by a seed; or by a test of its own, where no world is likely to come to it any more. */
export interface Regression extends Mutation {
  readonly seed?: number | undefined
}

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
    '  if (!wasClosed) await makeDurable(join(folder, segmentName(last)), disk)\n',
    '  try {\n    if (!wasClosed) await makeDurable(join(folder, segmentName(last)), disk)\n  } catch {\n    return found\n  }\n',
  ),
  mutation(
    'what a failed sync has left counts as durable at the next start',
    'relay/store/handoff-recovery.ts',
    'await writeAgain(file).catch((thrown: unknown) => {',
    'await Promise.resolve().catch((thrown: unknown) => {',
  ),
  mutation(
    'a damaged record is believed when its segment is not the last any more',
    'relay/store/handoff-recovery.ts',
    'await blotOut(file, damagedHeaders)',
    'void blotOut',
  ),
  mutation(
    'a predecessor that was started again is waited for',
    'relay/presence.ts',
    'return known.enrolment === enrolment || this.#runMs() - known.enrolledMs <= this.#leaseMs',
    'return true',
  ),
  mutation(
    'what comes again is counted again',
    'peer/inherit/restored-chunks.ts',
    'if (!this.#inPlace.add(key)) return',
    'this.#inPlace.add(key)',
  ),
  mutation(
    'what is in place is said to be only when the journal has it',
    'peer/inherit/restorer.ts',
    '    this.#options.onPlaced?.(settledHere)\n',
    '',
  ),
  mutation(
    'a relay that was held up takes whom it has not heard for gone',
    'relay/presence.ts',
    'return Math.min(this.#clock.monotonicMs(), this.#dueMs) - this.#heldUpMs',
    'return this.#clock.monotonicMs() - this.#heldUpMs',
  ),
  mutation(
    'a lane of a predecessor without power is waited for as long as its transport waits',
    'peer/inherit/orphan-watch.ts',
    'if (this.#quietMs >= orphanMs) onSilent()',
    'if (this.#quietMs >= silentGetMs) onSilent()',
  ),
  mutation(
    'what an heir demands right after its welcome is answered to nobody',
    'peer/handoff/lanes.ts',
    '(opened.lane === undefined ? early.push(demand) : onDemanded(opened.lane, demand))',
    'onDemanded(opened.lane!, demand)',
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
  {
    name: 'what waits for its barrier takes up the credit',
    patches: [
      {
        file: 'peer/inherit/restorer.ts',
        from: 'this.#waitingBytes + bytes > heldBytesMax',
        to: 'this.#waitingBytes + bytes > 4 * heldBytesMax',
      },
      {
        file: 'peer/inherit/restorer.ts',
        from: 'for (const { number, pack, bytes, sealed, free, settles } of this.#waiting.values()) {',
        to: 'for (const { number, pack, bytes, sealed, free, settles } of []) {',
      },
    ],
  },
  mutation(
    'what waits for its barrier keeps a larger pack from coming',
    'peer/inherit/restorer.ts',
    'if (!mayPass) this.#cancelPutAway ??= this.#options.clock.after(heldMsMax, () => this.#putAway())',
    '',
  ),
  mutation(
    'an heir that could not reach the relay lets it drop what it has',
    'peer/inherit/successor.ts',
    "return this.#options.lanes.includes('store') && !(this.#hasGot && [...relays].every((relay) => this.hasAllOf(relay)))",
    'return false',
  ),
  mutation(
    'what a former heir says it has counts',
    'peer/handoff/lanes.ts',
    "if (why.code !== 'aborted') return lane.abort(why)",
    'void why',
  ),
  mutation(
    'bytes that come twice count twice',
    'peer/handoff/ledger.ts',
    'parted.ranges.add(offset, length)',
    'parted.ranges.bytes += length',
  ),
  mutation(
    'an answer names only the packs of a chunk that are elsewhere',
    'peer/handoff/urgent.ts',
    'const isElsewhere = packs.filter((number) => !dispatcher.hurry(number) && !dispatcher.isFlying(number)).length > 0\n    return isElsewhere ? [{ source, id, packs: PackSet.of(packs) }] : []',
    'const elsewhere = packs.filter((number) => !dispatcher.hurry(number) && !dispatcher.isFlying(number))\n    return elsewhere.length > 0 ? [{ source, id, packs: PackSet.of(elsewhere) }] : []',
  ),
  mutation(
    'what is demanded waits when less was granted than is in flight',
    'src/transfer/sender.ts',
    'this.#inFlightBytes <= this.#grantedBytes',
    'this.#inFlightBytes <= this.#windowBytes',
  ),
  mutation(
    'a refusal carries the answer that could not be made durable',
    'relay/control-session.ts',
    'failure === step.refusal ? step.result : undefined',
    'step.result',
  ),
  mutation(
    'an heir gives back at one relay what it has inherited by another',
    'peer/inherit/inherit.ts',
    'released: !accepted.hasEnded(age.handoff)',
    'released: true',
  ),
  mutation('a predecessor that moves does not bring its heir along', 'peer/handoff/offering.ts', '...(claimed && { heir: claimed }),', ''),
  mutation(
    'an heir has a place at one relay alone, which is not the one that its predecessor uses',
    'peer/circuit-place.ts',
    'for (const relay of relays) places.use(keepPlace(relay, options))',
    'for (const relay of relays.slice(-1)) places.use(keepPlace(relay, options))',
  ),
  mutation(
    'what is demanded takes a circuit beside a direct lane',
    'src/transfer/dispatcher.ts',
    '(short.length > 0 ? short : direct)',
    'direct',
  ),
  mutation(
    'an heir does not hear from the other relays what waits for a verdict',
    'peer/inherit/successor.ts',
    '    restorer.judgement.raise(since)\n',
    '',
  ),
  mutation(
    'an heir that ends lets a relay drop what it has not asked it for yet',
    'peer/inherit/successor.ts',
    'this.#hasGot && [...relays].every((relay) => this.hasAllOf(relay))',
    'this.#hasGot',
  ),
  mutation(
    'an heir that takes nothing from stores lets the relay drop what it has',
    'peer/inherit/inherit.ts',
    "!options.lanes.includes('store') && restorer.have.size === 0",
    'options.lanes.length === 0',
  ),
  mutation(
    'of two claims of one epoch each relay holds its own',
    'relay/claim-order.ts',
    'if (one.assignedBy === other.assignedBy) return false',
    'return false',
  ),
  mutation(
    'an heir goes on with a claim that it gave back while the relay was away',
    'peer/inherit/inherit.ts',
    'if (!accepted.hasGivenBack(age.handoff, claims.id)) return',
    'if (accepted !== undefined) return',
  ),
]

/** By name: the seed that shows the fault. */
const seeds: Readonly<Record<string, number>> = {
  'a timer that fires early costs a second of the deadline': 189,
  'what waits for its barrier takes up the credit': 17,
  'a relay that does not answer holds up the handoff': 255,
  'a pack comes after the receipt': 61,
  'a silent other side holds up the end': 230,
  'an inheritance that is over takes packs': 72,
  'an inheritance whose end the relay did not hear is made again': 48,
  'a predecessor that was started again is waited for': 260,
  'an heir has a place at one relay alone, which is not the one that its predecessor uses': 71,
  'what is demanded takes a circuit beside a direct lane': 1562,
  'an heir that takes nothing from stores lets the relay drop what it has': 1933,
}

/** By name: the test that shows it. */
const tests: Readonly<Record<string, string>> = {
  'an older promise takes the place of a newer one': 'test/peer/restorer.test.ts',
  'a receipt is not known to be the last pack': 'test/hostile/evil-relay.test.ts',
  'a record that can not be read now is moved aside': 'test/relay/store-faults.test.ts',
  'a store that can not sync what it finds opens without it': 'test/relay/store-faults.test.ts',
  'what a failed sync has left counts as durable at the next start': 'test/relay/store-faults.test.ts',
  'a damaged record is believed when its segment is not the last any more': 'test/relay/store-disk.test.ts',
  'what comes again is counted again': 'test/peer/restorer.test.ts',
  'what is in place is said to be only when the journal has it': 'test/peer/restorer.test.ts',
  'a relay that was held up takes whom it has not heard for gone': 'test/relay/control-session.test.ts',
  'a lane of a predecessor without power is waited for as long as its transport waits': 'test/peer/inheritance.test.ts',
  'what an heir demands right after its welcome is answered to nobody': 'test/peer/lane-keeper.test.ts',
  'the packs of an end that could not be saved stay': 'test/relay/rendezvous.test.ts',
  'an heir whose assignment could not be saved does not hear of it': 'test/relay/rendezvous.test.ts',
  'a passing trouble of the relay ends the waiting': 'test/peer/wait.test.ts',
  'what a former heir says it has counts': 'test/peer/lane-keeper.test.ts',
  'an answer names only the packs of a chunk that are elsewhere': 'test/peer/urgent.test.ts',
  'bytes that come twice count twice': 'test/peer/ledger.test.ts',
  'what is demanded waits when less was granted than is in flight': 'test/lane/channel-lane.test.ts',
  'what waits for its barrier keeps a larger pack from coming': 'test/peer/restorer.test.ts',
  'an heir that could not reach the relay lets it drop what it has': 'test/peer/inheritance.test.ts',
  'an heir gives back at one relay what it has inherited by another': 'test/hostile/evil-relay.test.ts',
  'a refusal carries the answer that could not be made durable': 'test/relay/control-session.test.ts',
  'a predecessor that moves does not bring its heir along': 'test/peer/offering.test.ts',
  'an heir does not hear from the other relays what waits for a verdict': 'test/peer/inheritance.test.ts',
  'an heir that ends lets a relay drop what it has not asked it for yet': 'test/peer/inheritance.test.ts',
  'of two claims of one epoch each relay holds its own': 'test/relay/several-relays.test.ts',
  'an heir goes on with a claim that it gave back while the relay was away': 'test/hostile/evil-relay.test.ts',
}

export const regressions: readonly Regression[] = faults.map((fault) => ({ ...fault, seed: seeds[fault.name], test: tests[fault.name] }))
