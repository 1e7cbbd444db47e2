// Loaded before a program, by tests alone: its wall clock is off, from the start or from a SIGUSR2 on. Nothing of the product knows of it.

import process from 'node:process'

const { offsetMs, isLate } = JSON.parse(process.env.HEIRLOOM_TEST_CLOCK!) as { offsetMs: number; isLate: boolean }
const honest = Date.now.bind(Date)
let isOff = !isLate

process.on('SIGUSR2', () => (isOff = true))
Date.now = () => honest() + (isOff ? offsetMs : 0)
