// Preloaded into a process that runs a test of production code with something broken in it.

import process from 'node:process'
import { patchTexts, type Patch } from './patched-modules.ts'

patchTexts(JSON.parse(process.env['HEIRLOOM_PATCHES'] ?? '[]') as Patch[])
