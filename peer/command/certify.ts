// `heirloom certify`: a certificate for a VM that doesn't hold the pool's secret.

import { durationFlag, requireFlags, textFlag, wordsFlag } from '../../src/cli/flag.ts'
import type { CommandDefinition } from '../../src/cli/program.ts'
import { publicMode, readKeyFile, writeNewFile } from '../../src/cli/secret-file.ts'
import { systemClock } from '../../src/clock.ts'
import { asHeirloomError, HeirloomError } from '../../src/errors.ts'
import { issueCertificate, type Permission } from '../../src/seal/certificate.ts'
import { peerBytes } from '../../src/seal/identity.ts'
import { formatCertificateFile } from '../../src/seal/pool-key.ts'

export const certifyCommand: CommandDefinition = {
  name: 'certify',
  description: "let one VM take part that doesn't hold the pool's secret",
  example: 'heirloom certify --key checkout.key --peer 12D3KooWGRU… --may send --expires 24h --out vm7.cert',
  options: [
    textFlag('--key <file>', "the pool's secret"),
    textFlag('--peer <id>', 'the peer id of the VM, as `heirloom identity` shows it there'),
    wordsFlag('--may <what...>', 'what it may do (default: send, receive)', ['send', 'receive']),
    durationFlag('--expires <duration>', 'how long the certificate is valid', '24h'),
    textFlag('--out <file>', 'where to write the certificate'),
  ],
  async run({ flags, command, output }) {
    requireFlags(command, 'key', 'peer', 'out')
    const peer = peerOf(flags['peer'])
    const may: Permission[] = [...new Set<Permission>(flags['may'] ?? ['send', 'receive'])]
    const key = await readKeyFile(flags['key'])
    if (key.kind !== 'secret') {
      throw new HeirloomError(
        'config',
        `${flags['key']} is a ${key.kind === 'public' ? 'public key' : 'certificate'}: only the pool's secret can certify`,
        {
          hint: 'give the file that `heirloom keygen` wrote, without .pub',
        },
      )
    }
    const issuedMs = systemClock.nowMs()
    const expiresMs = issuedMs + (flags['expires'] as number)
    if (!Number.isFinite(new Date(expiresMs).getTime()))
      throw new HeirloomError('usage', '--expires is further away than any calendar', { hint: 'such as 24h' })
    const certificate = issueCertificate(key.pool, { peer, may, issuedMs, expiresMs })
    await writeNewFile(flags['out'], formatCertificateFile(key.pool, certificate), publicMode)
    const expires = new Date(expiresMs).toISOString()
    output.result(
      { pool: key.pool.name, peer: flags['peer'], may, expires, out: flags['out'] },
      `${flags['out']}  peer ${flags['peer']} may ${may.join(' and ')} in pool ${key.pool.name} until ${expires}`,
    )
    return 0
  },
}

function peerOf(text: string): Uint8Array {
  try {
    return peerBytes(text)
  } catch (thrown) {
    const { message, hint } = asHeirloomError(thrown)
    throw new HeirloomError('usage', `--peer: ${message}`, { cause: thrown, hint: hint ?? '`heirloom identity` on the VM shows its id' })
  }
}
