// An ssh server of our own on loopback, with keys and settings of its own in a temporary folder: nothing of the machine's is read or changed.

import { mkdir, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { freePort, runProgram, Server } from './programs.ts'

/** The quickest cipher that ssh has on a processor with AES instructions. */
const cipher = 'aes128-gcm@openssh.com'

export class PrivateSshd implements AsyncDisposable {
  readonly #server: Server
  /** `ssh` with all that it takes to get in without a question. */
  readonly ssh: readonly string[]
  /** The same for `scp`. */
  readonly scp: readonly string[]
  readonly login: string

  private constructor(server: Server, folder: string, port: number) {
    this.#server = server
    this.login = `${userInfo().username}@127.0.0.1`
    const settings = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR', 'BatchMode=yes', 'IdentitiesOnly=yes']
    const common = ['-F', '/dev/null', '-i', join(folder, 'user'), '-c', cipher, ...settings.flatMap((each) => ['-o', each])]
    this.ssh = ['ssh', ...common, '-p', String(port)]
    this.scp = ['scp', '-q', '-r', ...common, '-P', String(port)]
  }

  static async start(folder: string, signal: AbortSignal): Promise<PrivateSshd> {
    await mkdir(folder, { mode: 0o700 })
    for (const name of ['host', 'user']) await runProgram(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)], signal)
    const port = await freePort()
    const settings = [
      'ListenAddress 127.0.0.1',
      `Port ${port}`,
      `HostKey ${join(folder, 'host')}`,
      `AuthorizedKeysFile ${join(folder, 'user.pub')}`,
      'PidFile none',
      'UsePAM no',
      'StrictModes no',
      'PasswordAuthentication no',
      `Ciphers ${cipher}`,
      'Subsystem sftp internal-sftp',
    ]
    await writeFile(join(folder, 'sshd_config'), `${settings.join('\n')}\n`)
    // As root it asks for an empty folder here, which the system's own service makes when it starts.
    if (userInfo().uid === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 })
    const server = await Server.start(['/usr/sbin/sshd', '-D', '-e', '-f', join(folder, 'sshd_config')], port, signal)
    return new PrivateSshd(server, folder, port)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server[Symbol.asyncDispose]()
  }
}
