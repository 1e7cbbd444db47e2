#!/usr/bin/env node
// Runs the TypeScript of this checkout, or says in one sentence which Node it takes. Plain old JavaScript on purpose.
import { launch } from './launch.js'

await launch('../relay/cli.ts')
