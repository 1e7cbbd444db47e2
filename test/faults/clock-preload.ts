// Loaded before a program, by tests alone: its wall clock is off from some moment on. Nothing of the product knows of it.

import process from 'node:process'

const { afterMs, offsetMs } = JSON.parse(process.env.HEIRLOOM_TEST_CLOCK!) as { afterMs: number; offsetMs: number }
const honest = Date.now.bind(Date)
const startMs = performance.now()

Date.now = () => honest() + (performance.now() - startMs >= afterMs ? offsetMs : 0)
