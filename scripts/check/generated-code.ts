// The code in src/wire/gen must be what the .proto files generate now, and nothing else may lie there.

import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runTool, type Gate } from './gate.ts'

const folder = 'src/wire/gen'

export const generatedCode: Gate = {
  name: 'generated code',
  async problems(root) {
    const fresh = await mkdtemp(join(tmpdir(), 'heirloom-proto-'))
    try {
      const failure = await runTool(root, 'buf', ['generate', '--output', fresh])
      if (failure !== '') return failure
      await mkdir(join(fresh, folder), { recursive: true })
      const names = new Set([...(await readdir(join(fresh, folder))), ...(await readdir(join(root, folder)))])
      const stale: string[] = []
      for (const name of names) {
        const [now, then] = await Promise.all(
          [fresh, root].map((base) => readFile(join(base, folder, name), 'utf8').catch(() => undefined)),
        )
        if (now !== then) stale.push(`${folder}/${name} is not what the .proto files generate; run \`npm run proto\``)
      }
      return stale.join('\n')
    } finally {
      await rm(fresh, { recursive: true })
    }
  },
}
