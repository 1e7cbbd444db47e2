// One round ahead of any notice: what has changed since the last one goes to the store, and a catalog of what holds.

import type { HandoffOptions } from './options.ts'
import { Predecessor } from './predecessor.ts'
import type { Standing } from './standing.ts'

/** Answers whether it came to its end; it ends early when its deadline is moved, or when it is fenced. */
export async function shipAhead(options: HandoffOptions & { readonly ahead: Standing }): Promise<boolean> {
  const begunMs = options.ahead.begin(false)
  return await new Predecessor(options, options.ahead.handoff, begunMs).ship(options.ahead, begunMs)
}
