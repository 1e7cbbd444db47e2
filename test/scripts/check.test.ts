// The gates against a small checkout with one planted violation each: a gate that stays green for all of them checks nothing.

import { cp, mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { brokenLinks, documents, missingScripts, missingTests, wrongCommands } from '../../scripts/check/documents.ts'
import { deadCode, denoTypes, gates, lint, types } from '../../scripts/check/gates.ts'
import { generatedCode } from '../../scripts/check/generated-code.ts'
import { houseRules, violations } from '../../scripts/check/house-rules.ts'
import { makeTemp, type TempDirectory } from '../helpers/temp.ts'

const checkout = join(import.meta.dirname, '../..')
const packageJson = '{\n  "name": "heirloom",\n  "type": "module"\n}\n'
const gate = suite('npm run check')

/** A checkout with the real configuration of all tools and these files. */
async function plant(files: Readonly<Record<string, string>>): Promise<TempDirectory> {
  const directory = await makeTemp()
  for (const name of [
    '.gitignore',
    '.oxlintrc.json',
    'tsconfig.json',
    'deno.json',
    'knip.json',
    'buf.yaml',
    'buf.gen.yaml',
    '.prettierrc.json',
    '.prettierignore',
  ]) {
    await cp(join(checkout, name), directory.at(name))
  }
  await symlink(join(checkout, 'node_modules'), directory.at('node_modules'))
  for (const [path, text] of Object.entries({ 'package.json': packageJson, ...files })) {
    await mkdir(dirname(directory.at(path)), { recursive: true })
    await writeFile(directory.at(path), text)
  }
  return directory
}

const noun = 'export const noun = 1\n'
const useNoun = (path: string) => `import { noun } from '${path}'\nconsole.log(noun)\n`

// What the lint must find: the rule, the file, its text.
const lintViolations: readonly (readonly [rule: string, path: string, text: string])[] = [
  ['no-restricted-imports', 'src/relay-user.ts', useNoun('../relay/noun.ts')],
  ['no-restricted-imports', 'src/wire/peer-user.ts', useNoun('../../peer/noun.ts')],
  ['no-restricted-imports', 'src/net/peer-user.ts', useNoun('../../peer/noun.ts')],
  ['no-restricted-imports', 'src/type-user.ts', "import type { noun } from '../peer/noun.ts'\nexport type Noun = typeof noun\n"],
  ['no-restricted-imports', 'src/re-export.ts', "export { noun } from '../peer/noun.ts'\n"],
  ['no-restricted-imports', 'src/test-user.ts', useNoun('../test/noun.ts')],
  ['no-restricted-imports', 'relay/peer-user.ts', useNoun('../peer/noun.ts')],
  ['no-restricted-imports', 'relay/store/peer-user.ts', useNoun('../../peer/noun.ts')],
  ['no-restricted-imports', 'peer/relay-user.ts', useNoun('../relay/noun.ts')],
  ['no-restricted-imports', 'src/lane/libp2p-user.ts', "import { createLibp2p } from 'libp2p'\nconsole.log(createLibp2p)\n"],
  ['no-restricted-imports', 'peer/libp2p-user.ts', "import { tcp } from '@libp2p/tcp'\nconsole.log(tcp)\n"],
  ['no-restricted-imports', 'relay/libp2p-user.ts', "import { noise } from '@chainsafe/libp2p-noise'\nconsole.log(noise)\n"],
  ['no-restricted-imports', 'src/plan/impure.ts', "import { readFileSync } from 'node:fs'\nconsole.log(readFileSync)\n"],
  ['no-restricted-imports', 'src/chunk/impure.ts', "import { hostname } from 'node:os'\nconsole.log(hostname())\n"],
  ['no-cycle', 'src/cycle/hen.ts', "import { egg } from './egg.ts'\nexport const hen = () => egg\n"],
  ['no-floating-promises', 'src/floating.ts', 'export const go = async () => {}\nexport function start() {\n  go()\n}\n'],
  ['no-misused-promises', 'src/misused.ts', 'export const go = async () => 1\nexport const asked = () => (go() ? 1 : 2)\n'],
  [
    'no-misused-promises',
    'src/handler.ts',
    "import { once } from 'node:events'\n[1].forEach(async () => void (await once(process, 'exit')))\n",
  ],
  ['await-thenable', 'src/nothing.ts', 'export async function wait() {\n  await 1\n}\n'],
  ['no-unused-vars', 'src/unused.ts', 'export function one() {\n  const other = 2\n  return 1\n}\n'],
  ['eqeqeq', 'src/equal.ts', 'export const isOne = (x: unknown) => x == 1\n'],
  ['no-explicit-any', 'src/any.ts', 'export const as = (x: any) => x\n'],
  ['no-default-export', 'src/default.ts', 'export default 1\n'],
  ['max-lines', 'src/long.ts', Array.from({ length: 401 }, (_, index) => `export const line${index} = ${index}\n`).join('')],
  ['max-lines-per-function', 'src/tall.ts', `export function tall() {\n${'  console.log(1)\n'.repeat(70)}}\n`],
]

// What it must not find, lest people get used to exceptions.
const innocent: Readonly<Record<string, string>> = {
  'src/noun.ts': noun,
  'relay/noun.ts': noun,
  'peer/noun.ts': noun,
  'test/noun.ts': noun,
  'src/cycle/egg.ts': "import { hen } from './hen.ts'\nexport const egg = () => hen\n",
  'relay/core-user.ts': useNoun('../src/noun.ts'),
  'peer/source/core-user.ts': useNoun('../../src/noun.ts'),
  'src/net/node.ts': "import { createLibp2p } from 'libp2p'\nconsole.log(createLibp2p)\n",
  'test/both.ts': `import { noun } from '../relay/noun.ts'\nimport { noun as other } from '../peer/noun.ts'\nconsole.log(noun, other)\n`,
  'src/plan/pure.ts': useNoun('../noun.ts'),
  'peer/doctor/examine.ts': useNoun('./relay.ts'),
  'peer/doctor/relay.ts': noun,
  'src/lane/fire.ts': 'export const go = async () => {}\nexport function start() {\n  void go()\n}\n',
}

gate('the lint finds every planted violation, and nothing else', async () => {
  const planted = Object.fromEntries(lintViolations.map(([, path, text]) => [path, text]))
  await using directory = await plant({ ...innocent, ...planted })
  const lines = (await lint.problems(directory.path)).split('\n')
  for (const [rule, path] of lintViolations) {
    assert.ok(
      lines.some((line) => line.includes(`${path}:`) && line.includes(`(${rule})`)),
      `${rule} says nothing of ${path}:\n${lines.join('\n')}`,
    )
  }
  // A cycle is reported in each of its files.
  const clean = Object.keys(innocent).filter((path) => !path.startsWith('src/cycle/'))
  for (const path of clean) assert.not.ok(lines.find((line) => line.includes(`${path}:`)))
})

gate('an empty lint, or one that cannot run, is not well', async () => {
  await using directory = await plant({ 'src/noun.ts': noun })
  assert.is(await lint.problems(directory.path), '')
  await writeFile(directory.at('.oxlintrc.json'), '{ "rules": { "no-such-rule-at-all": "error" } }')
  assert.is.not(await lint.problems(directory.path), '')
})

gate('the type check finds a wrong type, and syntax that type stripping cannot erase', async () => {
  await using directory = await plant({ 'src/noun.ts': noun })
  assert.is(await types.problems(directory.path), '')
  await writeFile(directory.at('src/wrong.ts'), "export const count: number = 'one'\n")
  assert.match(await types.problems(directory.path), /src\/wrong\.ts.*TS2322/)
  await writeFile(directory.at('src/wrong.ts'), 'export enum Kind {\n  one,\n}\n')
  assert.match(await types.problems(directory.path), /src\/wrong\.ts.*TS1294/)
})

gate('the type check of Deno knows its globals, and finds a wrong type', async () => {
  const program = "if (import.meta.main) console.log('here')\n"
  await using directory = await plant({ 'peer/cli.ts': program, 'relay/cli.ts': program })
  assert.is(await denoTypes.problems(directory.path), '')
  await writeFile(directory.at('relay/cli.ts'), "export const count: number = 'one'\n")
  assert.match(await denoTypes.problems(directory.path), /TS2322/)
})

gate('the search for dead code finds an unused export, file and dependency', async () => {
  await using directory = await plant({
    'package.json': '{ "name": "heirloom", "type": "module", "dependencies": { "yaml": "2" } }',
    'peer/cli.ts': useNoun('../src/noun.ts'),
    'relay/cli.ts': useNoun('../src/noun.ts'),
    'src/noun.ts': `${noun}export const forgotten = 2\n`,
    'src/orphan.ts': noun,
  })
  const found = await deadCode.problems(directory.path)
  for (const dead of ['forgotten', 'src/orphan.ts', 'yaml']) assert.match(found, dead)
})

gate('the format gate finds a semicolon', async () => {
  await using directory = await plant({ 'src/noun.ts': noun })
  const format = gates.find(({ name }) => name === 'format')!
  assert.is(await format.problems(directory.path), '')
  await writeFile(directory.at('src/noun.ts'), 'export const noun = 1;\n')
  assert.match(await format.problems(directory.path), 'src/noun.ts')
})

gate('generated code that is stale, missing or left over is found', async () => {
  await using directory = await plant({})
  await cp(join(checkout, 'src/wire'), directory.at('src/wire'), { recursive: true })
  assert.is(await generatedCode.problems(directory.path), '')
  await writeFile(directory.at('src/wire/gen/seal_pb.ts'), noun)
  await writeFile(directory.at('src/wire/gen/old_pb.ts'), noun)
  const found = await generatedCode.problems(directory.path)
  assert.match(found, 'seal_pb.ts')
  assert.match(found, 'old_pb.ts')
})

const houseViolations: readonly (readonly [path: string, text: string, why: string])[] = [
  ['src/utils.ts', noun, 'says nothing'],
  ['peer/source/helpers.ts', noun, 'says nothing'],
  ['src/packSet.ts', noun, 'kebab-case'],
  ['test/a.test.ts', 'pool.only("x", () => {})\npool.run()\n', 'left out'],
  ['test/a.test.ts', 'pool.skip("x", () => {})\npool.run()\n', 'left out'],
  ['test/a.test.ts', 'await new Promise((resolve) => setTimeout(resolve, 50))\na.run()\n', 'sleeps'],
  ['test/helpers/a.ts', "import { setTimeout } from 'node:timers/promises'\n", 'sleeps'],
  ['test/a.test.ts', 'await sleep(5)\na.run()\n', 'sleeps'],
  ['src/a.ts', "await import('../peer/cli.ts')\n", 'src knows nothing'],
  ['relay/a.ts', "await import('../peer/cli.ts')\n", 'relay never imports peer'],
  ['peer/source/a.ts', "await import('../../relay/cli.ts')\n", 'peer never imports relay'],
  ['peer/a.ts', "await import('@libp2p/tcp')\n", 'only src/net'],
  ['package-lock.json', '{ "resolved": "" }', 'registry'],
  ['README.md', ['', 'work', 'main', 'src'].join('/'), 'path of some machine'],
  ['src/a.ts', `const a = '${['', 'home', 'jane', 'x'].join('/')}'`, 'path of some machine'],
]

for (const [path, text, why] of houseViolations) {
  gate(`the rules of the house find: ${why}, in ${path}`, () => {
    assert.match(violations({ path, text }).join('\n'), why)
  })
}

gate('the rules of the house read every file of a checkout, but not what was installed or built', async () => {
  await using directory = await plant({ 'src/deep/er/utils.ts': noun, 'dist/utils.ts': noun })
  assert.is(await houseRules.problems(directory.path), 'src/deep/er/utils.ts: the name says nothing')
})

gate('documents: links that lead nowhere', async () => {
  const page = {
    path: 'docs/page.md',
    text: '# A page\n[1](../README.md) [2](gone.md) [3](#a-page) [4](#b) [5](../README.md#what-it-is) [6](https://example.org/x)\n`[7](gone.md)`',
  }
  const readme = { path: 'README.md', text: '## What it is\n' }
  await using directory = await plant({ 'docs/page.md': page.text, 'README.md': readme.text })
  assert.equal(await brokenLinks(directory.path, page, [page, readme]), [
    'docs/page.md: the link to gone.md leads nowhere',
    'docs/page.md: docs/page.md has no heading #b',
  ])
})

gate('documents: npm scripts, commands and flags that do not exist', async () => {
  const help = async (_program: string, command: string) => (command === 'send' ? '--relay <a> --max-rate <r>' : undefined)
  const text =
    '```sh\nnpm ci && npm run nothing\nnpx heirloom send --relay A \\\n  --max-rate 5MB/s # --ignored\nheirloom send --max 1\nnpx heirloom fly\n```\n'
  const page = { path: 'README.md', text }
  assert.equal(missingScripts(page, new Set(['check'])), ['README.md: package.json has no script "nothing"'])
  assert.equal(await wrongCommands(page, help), ['README.md: heirloom send has no flag --max', 'README.md: heirloom has no command "fly"'])
})

gate('documents: the programs themselves are asked', async () => {
  await using directory = await plant({})
  for (const folder of ['src', 'peer', 'relay']) await symlink(join(checkout, folder), directory.at(folder))
  await writeFile(
    directory.at('README.md'),
    '```sh\nnpx heirloom send --key K --no-such-flag\nnpx heirloom nothing\nnpx heirloom-relay serve --store S\n```\n',
  )
  const found = (await documents.problems(directory.path)).split('\n').filter((line) => line.startsWith('README.md'))
  assert.equal(found, ['README.md: heirloom send has no flag --no-such-flag', 'README.md: heirloom has no command "nothing"'])
})

gate('a document that names a test which is not there is found, and one that begins so is enough', () => {
  const tests = { path: 'test/a.test.ts', text: "test('old epoch: it is refused', () => {})" }
  const page = (names: string) => ({ path: 'SECURITY.md', text: `It is refused (\`test/a.test.ts\`: ${names}).` })
  assert.equal(missingTests(page('"old epoch"'), [tests]), [])
  assert.equal(missingTests(page('"old epoch", "is\n  refused"'), [tests]), ['SECURITY.md: test/a.test.ts has no test "is refused"'])
  assert.equal(missingTests(page('"old epoch"'), []), ['SECURITY.md: test/a.test.ts has no test "old epoch"'])
})

gate.run()
