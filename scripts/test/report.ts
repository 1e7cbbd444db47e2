// The account of a test run for a person: a line a file as it ends, with its whole output when it failed, the slowest tests, and
// last of all the line `N passed, N failed`, which other programs read.

import type { FileReport } from './run-file.ts'

const slowestShown = 10

export function fileLine(report: FileReport): string {
  const { name, passed, failed, skipped, elapsedMs, problems } = report
  const counts = [`${passed} passed`, ...(failed > 0 ? [`${failed} failed`] : []), ...(skipped > 0 ? [`${skipped} skipped`] : [])]
  return `${failed > 0 ? 'FAIL' : 'ok  '} ${name}  ${counts.join(', ')}, ${seconds(elapsedMs)}${problems.map((problem) => `; ${problem}`).join('')}`
}

/** What a file that failed has printed; nothing of one that passed. */
export function failure(report: FileReport): string {
  return report.failed > 0 ? `\n===== ${report.name}: ${report.problems.join('; ')}\n${report.output.trimEnd()}\n` : ''
}

export function slowest(reports: readonly FileReport[]): string {
  const tests = reports.flatMap((report) => report.tests.map((test) => ({ ...test, file: report.name })))
  const rows = tests.toSorted((a, b) => b.elapsedMs - a.elapsedMs).slice(0, slowestShown)
  return ['', 'The slowest tests:', ...rows.map((row) => `${seconds(row.elapsedMs).padStart(9)}  ${row.file}  ${row.name}`), ''].join('\n')
}

export function lastLine(reports: readonly FileReport[]): string {
  const sum = (count: (report: FileReport) => number) => reports.reduce((total, report) => total + count(report), 0)
  return `${sum((report) => report.passed)} passed, ${sum((report) => report.failed)} failed`
}

function seconds(elapsedMs: number): string {
  return `${(elapsedMs / 1000).toFixed(2)} s`
}
