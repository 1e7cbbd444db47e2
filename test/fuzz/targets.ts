// All that is fuzzed.

import type { Target } from './target.ts'
import { httpTargets } from './targets/http.ts'
import { sealTargets } from './targets/seal.ts'
import { settingTargets } from './targets/settings.ts'
import { sourceTargets } from './targets/sources.ts'
import { storedTargets } from './targets/stored.ts'
import { wireTargets } from './targets/wire.ts'

export function openTargets(): readonly Target[] {
  return [...wireTargets, ...sealTargets, ...storedTargets, ...sourceTargets, ...settingTargets, ...httpTargets()]
}
