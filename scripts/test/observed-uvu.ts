// uvu as the test files see it: the same, but it tells the runner which test runs now, which suites were forgotten, whose hook
// failed (uvu swallows that) and what is left open at the end. uvu keeps one queue a process, so this keeps one observer a process.

import * as uvu from 'uvu'
import { tell } from './progress.ts'

type Context = Record<string, unknown>
type Callback<T> = uvu.Callback<T>
type Hook<T> = uvu.Test<T>['before']

/** How long a process may take to end after its last suite. */
const lingerMs = 5_000

class Observer {
  readonly #declared = new Set<string>()
  #running = 0

  constructor() {
    process.on('exit', () => {
      if (this.#declared.size > 0) tell({ neverRun: [...this.#declared] })
    })
  }

  observe<T>(inner: uvu.Test<T>, suite: string): uvu.Test<T> {
    const declare = (add: (name: string, test: Callback<T>) => void) => (name: string, test: Callback<T>) => {
      this.#declared.add(suite)
      add(name, timed(suite === '' ? name : `${suite}: ${name}`, test))
    }
    const run = () => {
      this.#declared.delete(suite)
      this.#running++
      inner.after(() => this.#suiteEnded())
      inner.run()
    }
    return Object.assign(declare(inner), {
      only: declare(inner.only),
      skip: inner.skip,
      before: hook(inner.before, suite),
      after: hook(inner.after, suite),
      run,
    })
  }

  #suiteEnded(): void {
    this.#running--
    // The timer doesn't keep the process alive, so it fires only when something else does.
    setTimeout(() => this.#running === 0 && tell({ open: process.getActiveResourcesInfo() }), lingerMs).unref()
  }
}

function timed<T>(name: string, test: Callback<T>): Callback<T> {
  return async (context) => {
    const startMs = performance.now()
    let passed = false
    tell({ started: name })
    try {
      await test(context)
      passed = true
    } finally {
      tell({ ended: { name, passed, elapsedMs: performance.now() - startMs } })
    }
  }
}

function hook<T>(inner: Hook<T>, suite: string): Hook<T> {
  const reporting = (add: (callback: Callback<T>) => void) => (callback: Callback<T>) =>
    add(async (context) => {
      try {
        await callback(context)
      } catch (thrown) {
        console.error(`a hook of the suite "${suite}" failed:`, thrown)
        throw thrown
      }
    })
  return Object.assign(reporting(inner), { each: reporting(inner.each) })
}

const observer = new Observer()

export function suite<T = Context>(name = '', context?: T): uvu.Test<T> {
  return observer.observe(context === undefined ? uvu.suite<T>(name) : uvu.suite<T>(name, context), name)
}

export const test = observer.observe(uvu.test, '')
