// All gates of `npm run check`.

import { denoPrograms } from '../deno/permissions.ts'
import { documents } from './documents.ts'
import { programGate, type Gate } from './gate.ts'
import { generatedCode } from './generated-code.ts'
import { houseRules } from './house-rules.ts'

/** The layers, cycles, floating promises and the like: .oxlintrc.json says which. */
export const lint = programGate('lint', 'oxlint', ['--deny-warnings', '--report-unused-disable-directives', '-f', 'unix', '.'])
export const types = programGate('types', 'tsc', ['-p', '.'])
/** The two programs as Deno types them: its own globals, and the configuration in deno.json. */
export const denoTypes = programGate('deno types', 'deno', ['check', '--quiet', ...denoPrograms])
const format = programGate('format', 'prettier', ['--check', '--log-level', 'warn', '.'])
export const deadCode = programGate('dead code', 'knip', ['--no-progress', '--treat-config-hints-as-errors'])

export const gates: readonly Gate[] = [types, denoTypes, lint, deadCode, format, generatedCode, houseRules, documents]
