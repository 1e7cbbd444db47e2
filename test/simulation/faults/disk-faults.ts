// Disks that return errors, take seconds, and fill up.

import { noDiskFaults } from '../disk.ts'
import type { World } from '../world.ts'
import { pick, type FaultKind } from './fault-kind.ts'

export const diskFaults: FaultKind = {
  name: 'disk',
  probability: 0.3,
  faults: (world) => [fail(world), fail(world), failAtStart(world), failAtStart(world), fill(world), fillPeer(world), failPeer(world)],
}

function fail({ random, loop, relay: { disk }, log }: World) {
  return () => {
    const luck = random.next()
    const rate = luck < 0.5 ? 0.05 : luck < 0.8 ? 0.5 : 1
    const kinds = ['reads', 'writes', 'syncs', 'folders', 'stalls'] as const
    disk.faults = { ...noDiskFaults, [pick(random, kinds)]: rate }
    log(`the relay's disk fails: ${JSON.stringify(disk.faults)}`)
    loop.after(random.next() * 6_000, () => (disk.faults = noDiskFaults))
  }
}

/** The relay is killed, and finds its disk failing when it starts again. */
function failAtStart({ random, loop, relay, log }: World) {
  return () => {
    log('the relay is killed, and its disk fails when it starts')
    relay.kill()
    loop.after(random.next() * 1_000, () => {
      const kinds = ['reads', 'syncs', 'folders'] as const
      relay.disk.faults = { ...noDiskFaults, [pick(random, kinds)]: random.next() }
      loop.after(random.next() * 2_000, () => (relay.disk.faults = noDiskFaults))
      relay.start()
    })
  }
}

function fill({ random, loop, relay: { disk }, log }: World) {
  return () => {
    disk.capacityBytes = disk.usedBytes + random.integer(0, 8192)
    log(`the relay's disk is full soon`)
    loop.after(random.next() * 10_000, () => (disk.capacityBytes = Infinity))
  }
}

function fillPeer({ random, loop, peers }: World) {
  return () => {
    const { journal } = pick(random, peers)
    journal.capacityBytes = journal.usedBytes + random.integer(0, 4096)
    loop.after(random.next() * 10_000, () => (journal.capacityBytes = Infinity))
  }
}

function failPeer({ random, loop, peers, log }: World) {
  return () => {
    const { journal, name } = pick(random, peers)
    journal.failure = random.next()
    log(`the disk of ${name} fails`)
    loop.after(random.next() * 5_000, () => (journal.failure = 0))
  }
}
