// `heirloom keygen`: a new pool's secret, and the public half that a relay needs.

import { publicMode, secretMode, writeNewFile } from '../../src/cli/secret-file.ts'
import { requireFlags, textFlag } from '../../src/cli/flag.ts'
import type { CommandDefinition } from '../../src/cli/program.ts'
import { HeirloomError } from '../../src/errors.ts'
import { formatPoolPublic, formatPoolSecret, generatePool } from '../../src/seal/pool-key.ts'

export const keygenCommand: CommandDefinition = {
  name: 'keygen',
  description: 'make the key of a new pool: FILE, the secret, and FILE.pub, all that a relay needs',
  example: 'heirloom keygen --pool checkout --out checkout.key',
  options: [textFlag('--pool <name>', "the pool's name"), textFlag('--out <file>', 'where to write the secret')],
  async run({ flags, command, output }) {
    requireFlags(command, 'pool', 'out')
    const name: string = flags['pool']
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) {
      throw new HeirloomError('usage', `${JSON.stringify(name)} is not a name for a pool`, {
        hint: 'take 1 to 64 letters, digits, dots, dashes and underscores',
      })
    }
    const secretFile: string = flags['out']
    const publicFile = `${secretFile}.pub`
    const pool = generatePool(name)
    await writeNewFile(secretFile, formatPoolSecret(pool), secretMode)
    await writeNewFile(publicFile, formatPoolPublic(pool), publicMode)
    const text = [
      `pool ${name}, id ${pool.idHex}`,
      `${secretFile}  the secret: for VMs that inherit; keep it out of images and repositories`,
      `${publicFile}  the public half: for the relay`,
    ].join('\n')
    output.result({ pool: name, id: pool.idHex, secret: secretFile, public: publicFile }, text)
    return 0
  },
}
