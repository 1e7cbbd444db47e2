// Production code broken on purpose, one thing at a time. The simulator must find each; if it doesn't, it has stopped looking there.

import type { Patch } from './patched-modules.ts'

export interface Mutation {
  readonly name: string
  readonly patches: readonly Patch[]
  /** A test that fails with it, where hardly any world comes to it. */
  readonly test?: string | undefined
}

export function mutation(name: string, file: string, from: string, to: string): Mutation {
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
    'await packs.put(this.key, number, pieces, { onWritten })',
    'void packs.put(this.key, number, pieces, { onWritten }).catch(() => {})',
  ),
  mutation(
    'an heir acknowledges before it has restored',
    'peer/inherit/restorer.ts',
    'this.#waiting.set(number, { number, pack, bytes, sealed, wasHeld: false, isUrgent, free, settles: [settle] })',
    'this.#waiting.set(number, { number, pack, bytes, sealed, wasHeld: false, isUrgent, free, settles: [] })\n      settle()',
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
    'epoch: handoff.record.epoch + 1, assignedBy',
    'epoch: Math.max(1, handoff.record.epoch), assignedBy',
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
    'have: restorer.have, windowBytes: this.#windows.of(kind)',
    'have: restorer.superseded, windowBytes: this.#windows.of(kind)',
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
    'return known !== undefined && this.#runMs() - known.heardMs <= this.#leaseMs',
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
  mutation(
    'what is demanded of a relay needs no room in its memory',
    'relay/get-session.ts',
    '!this.#sender.canHurry() || !this.#takeRoom()',
    '!this.#sender.canHurry()',
  ),
  mutation(
    'a pack that comes to a relay needs no room in its memory',
    'relay/put-session.ts',
    'type !== frameType.pack || this.#room.take(bytes, go)',
    'type !== frameType.pack || (void go, bytes > 0)',
  ),
  mutation(
    'what only a lost relay had is not sent anew',
    'peer/handoff/predecessor.ts',
    "onMoved: () => this.#packAnew(this.#dispatcher.forget('store')),",
    'onMoved: () => {},',
  ),
  mutation(
    'an heir keeps its claim from the other relays',
    'peer/inherit/claims.ts',
    "await relay.request({ case: 'claim', value: claim })",
    "if (relay === this.#options.relay) await relay.request({ case: 'claim', value: claim })",
  ),
  mutation(
    'any claim from elsewhere is taken up',
    'relay/claim-order.ts',
    'return outranks(claim, { epoch, assignedBy }, key.pool)',
    'return true',
  ),
  mutation(
    'a chunk that has changed since it was sent counts as there',
    'peer/handoff/standing.ts',
    'known?.stamp === stamp && (this.isNotice ? known.isKept : isThere(known))',
    'known !== undefined && (this.isNotice ? known.isKept : isThere(known))',
  ),
  mutation(
    'what a verdict finds out of date is restored',
    'peer/inherit/judgement.ts',
    'return holding === undefined ? [] : fragments.filter((_, index) => holding.has(index))',
    'return fragments',
  ),
  mutation(
    'a verdict that waits with its pack is not heard',
    'peer/inherit/restorer.ts',
    '    if (verdict !== undefined) this.#hear(verdict)\n',
    '',
  ),
  mutation(
    'a predecessor that has lost what it sent ahead holds up its heir',
    'relay/rendezvous.ts',
    '!record.finished && !isLost(record)',
    '!record.finished',
  ),
  mutation(
    'a chunk of a divided state goes with every part',
    'peer/split/part-sources.ts',
    'if (part !== undefined) shares[this.#indexes.get(part)!]!.push(chunk)',
    'if (part === "") shares[this.#indexes.get(part)!]!.push(chunk)',
  ),
  mutation(
    'metadata of a divided state goes with one part alone',
    'peer/split/part-sources.ts',
    'else for (const share of shares) share.push(chunk)',
    'else shares[0]!.push(chunk)',
  ),
  mutation(
    'a part is given to whoever waits',
    'src/plan/rank-successors.ts',
    'parts.length === 0 || parts.includes(part)',
    'parts.length >= 0',
  ),
  mutation(
    'each part may have all that the policy allows',
    'peer/split/hand-off-parts.ts',
    '    allowance,\n',
    '    allowance: new Allowance(options, parts.length),\n',
  ),
  mutation(
    'packs take a circuit beside a direct lane',
    'peer/handoff/lane-choice.ts',
    "return !dispatcher.isUp('fast') && !dispatcher.isUp('stream')",
    'return true',
  ),
  mutation('a circuit has the window of a direct lane', 'peer/inherit/windows.ts', 'circuit: circuitWindowBytes, ', ''),
  mutation(
    'a place at a relay is asked for once',
    'peer/circuit-place.ts',
    'const listening = relay.listen({ enrolled: later })',
    'let isAsked = false\n  const listening = relay.listen({ enrolled: () => (isAsked ||= (later(), true)) })',
  ),
  mutation(
    'a lane through the relay is taken for a direct one',
    'src/net/stream-channel.ts',
    'this.isRelayed = isCircuit(remoteAddr)',
    'this.isRelayed = false',
  ),
]
