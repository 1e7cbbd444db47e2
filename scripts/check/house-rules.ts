// The rules of the house that no linter knows: names that say nothing, tests that are left out or that sleep, imports that
// dodge the layers, and addresses and paths that don't belong into a repository.

import { basename } from 'node:path'
import type { Gate } from './gate.ts'
import { projectFiles, type ProjectFile } from './files.ts'

interface Rule {
  readonly why: string
  /** Which files it is for, by path. */
  readonly files: RegExp
  readonly broken: (file: ProjectFile) => boolean
}

const code = /^(?!.*\/gen\/).*\.[jt]s$/
/** All but the one that plants violations. */
const tests = /^test\/(?!scripts\/check\.test).*\.ts$/

function contains(files: RegExp, pattern: RegExp, why: string): Rule {
  return { why, files, broken: ({ text }) => pattern.test(text) }
}

const rules: readonly Rule[] = [
  {
    why: 'the name says nothing',
    files: code,
    broken: ({ path }) => /^(utils?|common|helpers?|managers?|misc)\.[jt]s$/.test(basename(path)),
  },
  { why: 'the name is not in kebab-case', files: code, broken: ({ path }) => !/^[a-z0-9]+([.-][a-z0-9]+)*$/.test(basename(path)) },
  contains(tests, /^\s*[\w.]+\.(only|skip)\(/m, 'a test is left out, or leaves others out'),
  contains(tests, /\bsleep\(|timers\/promises|Atomics\.wait\(|scheduler\.wait\(|\bdelay\(systemClock/, 'a test sleeps; wait for an event'),
  contains(tests, /setTimeout\(\s*(r|res|resolve|done|go)\s*[,)]/, 'a test sleeps; wait for an event'),
  contains(/^src\//, /import\(\s*'[./]*\/(relay|peer|test|scripts)\//, 'src knows nothing of relay and peer'),
  contains(/^relay\//, /import\(\s*'[./]*\/(peer|test|scripts)\//, 'relay never imports peer'),
  contains(/^peer\//, /import\(\s*'[./]*\/(relay|test|scripts)\//, 'peer never imports relay'),
  contains(/^(?!src\/net\/)(src|relay|peer)\//, /import\(\s*'(libp2p|@libp2p\/|@chainsafe\/)/, 'only src/net imports libp2p'),
  contains(/^package-lock\.json$/, /"resolved"/, 'it holds addresses of a registry; write it with `npm i` as npm is set up in .npmrc'),
  // Written with a class in the middle, so that this file doesn't find itself.
  contains(
    /./,
    /(?<![\w.])\/(?:wor[k]|far[m]|roo[t]|User[s])\/\w|\/tm[p]\/bash_|\/hom[e]\/(?!someone\b|user\b)\w/,
    'it names a path of some machine',
  ),
]

export const houseRules: Gate = {
  name: 'house rules',
  problems: async (root) => (await projectFiles(root)).flatMap(violations).join('\n'),
}

/** Each rule that a file breaks, a line each. */
export function violations(file: ProjectFile): string[] {
  return rules.filter((rule) => rule.files.test(file.path) && rule.broken(file)).map((rule) => `${file.path}: ${rule.why}`)
}
