// Loaded before a test file: every `import … from 'uvu'` gets the observed uvu beside this file, which itself gets the real one.
// A test file that is run by hand, without this, behaves the same.

import { registerHooks } from 'node:module'

const observed = new URL('observed-uvu.ts', import.meta.url).href

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === 'uvu' && context.parentURL !== observed) return { url: observed, shortCircuit: true }
    return next(specifier, context)
  },
})
