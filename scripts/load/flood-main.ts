// Evil peers that are enrolled and do what they can, all the time, until they are ended: frames that never end, packs beyond every credit,
// handoffs that are claimed and held, a million packs named in a few bytes, and requests without end.

import { readKeyFile } from '../../src/cli/secret-file.ts'
import { onInterrupt } from '../../src/cli/entry.ts'
import { beginFrames, EvilPeer, nameMillions, overrun, spam, takeAndHold } from '../../test/hostile/evil-peer.ts'

/** Of each kind. */
const peersOfAKind = 4

async function main(): Promise<void> {
  const { relay, keyFile } = JSON.parse(process.argv[2] ?? '{}') as { relay: string; keyFile: string }
  const key = await readKeyFile(keyFile)
  if (key.kind !== 'secret') throw new Error('a flood needs the pool secret')
  using interrupt = onInterrupt()
  const { signal } = interrupt
  const attacks = [
    async (peer: EvilPeer) => {
      for (const channel of await beginFrames(peer, 32)) channel.abort(new Error('again'))
    },
    (peer: EvilPeer) => overrun(peer, 64),
    async (peer: EvilPeer) => {
      const handoff = await peer.offer()
      const other = await EvilPeer.open(key.pool, relay, signal)
      await other.claim(handoff)
      const held = await takeAndHold(other, handoff, 1)
      await nameMillions(other, handoff, 1, 100)
      held.abort(new Error('again'))
      await other[Symbol.asyncDispose]()
    },
    async (peer: EvilPeer) => {
      spam(peer, 300)
      await peer.claim(new Uint8Array(16))
    },
  ]
  const flooding = attacks.flatMap((attack) =>
    Array.from({ length: peersOfAKind }, async () => {
      while (!signal.aborted) {
        // Whatever ends it, it comes back.
        const peer = await EvilPeer.open(key.pool, relay, signal).catch(() => undefined)
        if (peer === undefined) continue
        await attack(peer).catch(() => {})
        await peer[Symbol.asyncDispose]()
      }
    }),
  )
  process.stdout.write('{"event":"flooding"}\n')
  await Promise.all(flooding)
}

await main()
