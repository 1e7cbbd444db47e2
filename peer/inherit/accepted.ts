// What this peer has accepted so far. A relay could give it an old handoff once more, or one from before: everything of it is genuine, and stale.
//
// And a relay that was away when a claim was given back gives it out as if it still stood, while another peer may have the handoff.
//
// Invariant: once a pack of a handoff was about to be restored, nothing that was created before it is, nor it itself again after its end. Clocks of
// predecessors differ, so what is no more than clockSkewMs older counts as of the same time.

import { join } from 'node:path'
import { z } from 'zod'
import { asHeirloomError, HeirloomError } from '../../src/errors.ts'
import { acceptedHandoffsMax } from '../../src/limits/handoff.ts'
import { keepMsMax } from '../../src/limits/relay.ts'
import { clockSkewMs } from '../../src/limits/wire.ts'
import type { JournalFiles } from './journal-files.ts'

/** A handoff as its header names it. */
export interface HandoffAge {
  /** 32 hexadecimal digits. */
  readonly handoff: string
  /** By the predecessor's wall clock, signed. */
  readonly createdMs: number
}

/** A claim to a handoff: its epoch, and the id of the relay that gave it, in base64. */
export interface ClaimId {
  readonly epoch: number
  readonly assignedBy: string
}

const ageSchema = z.object({ handoff: z.string().regex(/^[0-9a-f]{32}$/), createdMs: z.number() })

const fileSchema = z.object({
  newestMs: z.number(),
  ended: z.array(ageSchema).max(acceptedHandoffsMax),
  givenBack: z
    .array(ageSchema.extend({ epoch: z.number(), assignedBy: z.string() }))
    .max(acceptedHandoffsMax)
    .default([]),
})

type Written = z.output<typeof fileSchema>

export class AcceptedHandoffs {
  readonly #path: string
  readonly #files: JournalFiles
  #known: Written
  #isSecure = true

  private constructor(path: string, files: JournalFiles, known: Written) {
    this.#path = path
    this.#files = files
    this.#known = known
  }

  /** As the file in this folder says; without one, or with one that can't be read, nothing was accepted. */
  static recall(folder: string, files: JournalFiles): AcceptedHandoffs {
    const path = join(folder, 'accepted.json')
    let known: Written | undefined
    try {
      known = fileSchema.safeParse(JSON.parse(new TextDecoder().decode(files.read(path)))).data
    } catch {
      // There is none yet, or what was written was lost with the machine.
    }
    return new AcceptedHandoffs(path, files, known ?? { newestMs: 0, ended: [], givenBack: [] })
  }

  /** Whether this peer has inherited it to its end. */
  hasEnded(handoff: string): boolean {
    return this.#known.ended.some((each) => each.handoff === handoff)
  }

  /** Throws `stale` for a handoff that must not be restored any more. */
  check({ handoff, createdMs }: HandoffAge, nowMs: number): void {
    const hint = 'a relay that gives it out is wrong or evil; with another state directory it would be restored'
    if (this.hasEnded(handoff)) {
      throw new HeirloomError('stale', 'this handoff was inherited here before', { hint })
    }
    if (createdMs < this.#known.newestMs - clockSkewMs) {
      throw new HeirloomError('stale', 'the handoff is older than one that was inherited here', { hint })
    }
    if (createdMs < nowMs - keepMsMax - clockSkewMs) {
      throw new HeirloomError('stale', 'the handoff is older than a relay keeps any', { hint: 'is the clock of this machine right?' })
    }
  }

  /** Something of it is about to be restored: from now on that outlives this process, and with `secure` the machine. Throws `io` or `no-space`. */
  began({ createdMs }: HandoffAge, nowMs: number): void {
    // One that says it is of the future would otherwise shut out all others.
    const newestMs = Math.max(this.#known.newestMs, Math.min(createdMs, nowMs + clockSkewMs))
    if (newestMs <= this.#known.newestMs) return
    this.#write({ ...this.#known, newestMs }, 'write')
  }

  /** Its first chunk is in place, so that nobody waits for the disk any more. Throws `io` or `no-space`. */
  secure(): void {
    if (!this.#isSecure) this.#write(this.#known, 'keep')
  }

  /** It is over, and the relay is told so. Throws `io` or `no-space`. */
  ended({ handoff, createdMs }: HandoffAge): void {
    this.#write({ ...this.#known, ended: this.#noted(this.#known.ended, { handoff, createdMs }) }, 'keep')
  }

  /** The claim is about to be given back: this peer doesn't go on with it. Throws `io` or `no-space`. */
  givesBack({ handoff, createdMs }: HandoffAge, claim: ClaimId): void {
    const givenBack = this.#noted(this.#known.givenBack, { handoff, createdMs, ...claim })
    this.#write({ ...this.#known, givenBack }, 'keep')
  }

  hasGivenBack(handoff: string, { epoch, assignedBy }: ClaimId): boolean {
    const isIt = (each: Written['givenBack'][number]) => each.handoff === handoff && each.epoch === epoch && each.assignedBy === assignedBy
    return this.#known.givenBack.some(isIt)
  }

  /** One item a handoff. Those that are older are refused by their age. */
  #noted<Item extends HandoffAge>(items: readonly Item[], item: Item): Item[] {
    const isKept = ({ handoff, createdMs }: Item) => handoff !== item.handoff && createdMs >= this.#known.newestMs - clockSkewMs
    return [...items.filter(isKept), item].slice(-acceptedHandoffsMax)
  }

  #write(known: Written, how: 'write' | 'keep'): void {
    try {
      this.#files[how](this.#path, Buffer.from(`${JSON.stringify(known)}\n`))
    } catch (thrown) {
      throw asHeirloomError(thrown, 'io')
    }
    this.#known = known
    this.#isSecure = how === 'keep'
  }
}
