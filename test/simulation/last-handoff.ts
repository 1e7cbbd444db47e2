// When nothing fails any more, a VM that nobody can dial is given notice, with a successor that nobody can dial: their relay is the only way, and it must
// be one, whatever happened before.

import type { LaneKind } from '../../src/lane/lane.ts'
import { keepMs } from '../../src/limits/relay.ts'
import type { HandoffResult } from '../../peer/result.ts'
import type { PeerMachine } from './peer-machine.ts'
import { drawSource } from './state.ts'
import type { World } from './world.ts'

/** What waited to be inherited is, mostly. */
const settlesMs = 30_000
const startsMs = 5_000
const deadlineMs = 60_000
const lookEveryMs = 500
const lanes: readonly LaneKind[] = ['stream', 'circuit']

export function playLastHandoff(world: World): void {
  const { loop } = world
  world.isWaiting = true
  loop.after(settlesMs, () => {
    const [predecessor] = [false, true].map((awaits) => add(world, awaits))
    loop.after(startsMs, () => {
      world.log(`${predecessor!.name} goes when nothing fails any more`)
      const plan = { deadlineMs, limits: { lanes, reserveMs: 3_000, bytesMax: undefined, rateBytesPerSecondMax: undefined, keepMs } }
      predecessor!.notice(plan)
      look(world, predecessor!)
    })
  })
}

function add(world: World, awaits: boolean): PeerMachine {
  const { random } = world
  const source = { ...drawSource(random, 'source0', 1), fault: 'none' as const }
  const peer = world.addPeer({
    lanes,
    isReachable: random.next() < 0.5,
    wall: random.next() < 0.5 ? 'swallows' : 'refuses',
    dialsFirst: true,
    dataWall: 'open',
    awaits,
    sources: [source],
    preshipEveryMs: undefined,
    division: undefined,
    parts: undefined,
    restoreMs: 10,
    demandEveryMs: undefined,
  })
  peer.start()
  return peer
}

function look(world: World, predecessor: PeerMachine): void {
  const { loop } = world
  const [handoff] = predecessor.handoffs
  if (handoff?.result === undefined && handoff?.hasEnded !== true) return void loop.after(lookEveryMs, () => look(world, predecessor))
  world.isWaiting = false
  if (handoff.result !== undefined) check(world, handoff.result)
}

/** An heir that goes itself, or takes no circuits, is none. */
function check(world: World, { handoff, epoch, outcome }: HandoffResult): void {
  const heirs = world.truths.get(handoff)?.heirsOf(epoch) ?? []
  const isFit = ({ options, isRunning, isGone, isHandingOff }: PeerMachine) =>
    heirs.includes(options.identity.peerId) && options.lanes.includes('circuit') && isRunning && !isGone && !isHandingOff
  if (outcome !== 'delivered' && world.peers.some(isFit))
    world.violate('two that can not dial one another hand over through the relay', `${handoff.slice(0, 6)} is ${outcome}`)
}
