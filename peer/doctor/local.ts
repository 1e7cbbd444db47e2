// Checks of what lies on this machine: key, identity, state directory, sources, ports. Nothing is changed.

import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, resolve } from 'node:path'
import { isOpenToOthers, readIdentityFile, readKeyFile } from '../../src/cli/secret-file.ts'
import { asHeirloomError, HeirloomError } from '../../src/errors.ts'
import { checkCertificate } from '../../src/seal/certificate.ts'
import type { Identity } from '../../src/seal/identity.ts'
import type { KeyFile } from '../../src/seal/pool-key.ts'
import { humanDuration } from '../../src/units.ts'
import type { PeerConfig } from '../config/schema.ts'
import { fail, ok, warn, type Finding } from './finding.ts'

export async function checkKey(
  { key, pool }: PeerConfig,
  identity: Identity | undefined,
  nowMs: number,
): Promise<{ finding: Finding; keyFile: KeyFile }> {
  const keyFile = await readKeyFile(key)
  if (keyFile.kind === 'public') {
    throw new HeirloomError('config', `${key} is the public half of pool ${keyFile.pool.name}: a relay needs it, not a peer`, {
      hint: 'give the secret, or a certificate',
    })
  }
  if (pool !== undefined && pool !== keyFile.pool.name) {
    throw new HeirloomError('config', `${key} is of pool ${keyFile.pool.name}, the configuration says ${pool}`, {
      hint: 'one of the two is wrong',
    })
  }
  if (keyFile.kind === 'certificate') {
    const { expiresMs, may } = checkCertificate(keyFile.certificate, {
      pool: keyFile.pool,
      atMs: nowMs,
      ...(identity && { peer: identity.peer }),
    })
    const message = `certificate of pool ${keyFile.pool.name}: may ${may.join(' and ')}, for another ${humanDuration(expiresMs - nowMs)}`
    return { keyFile, finding: warn('key', message, 'a peer with a certificate can hand off but not inherit: that takes the pool secret') }
  }
  if (await isOpenToOthers(key)) {
    return { keyFile, finding: warn('key', `${key} may be read by other users of this machine`, `chmod 600 ${key}`) }
  }
  return { keyFile, finding: ok('key', `secret of pool ${keyFile.pool.name}`) }
}

export async function checkIdentity(file: string): Promise<{ finding: Finding; identity: Identity | undefined }> {
  try {
    const identity = await readIdentityFile(file)
    if (await isOpenToOthers(file))
      return { identity, finding: warn('identity', `${file} may be read by other users of this machine`, `chmod 600 ${file}`) }
    return { identity, finding: ok('identity', identity.peerId) }
  } catch (thrown) {
    if (asHeirloomError(thrown).code !== 'not-found') return { identity: undefined, finding: fail('identity', asHeirloomError(thrown)) }
    return { identity: undefined, finding: ok('identity', `none yet; the peer makes ${file} at its first start`) }
  }
}

/** The directory, or while it isn't there what it would be made in, must let this user write. */
export async function checkState(directory: string): Promise<Finding> {
  const existing = await nearestExisting(directory)
  if (!(await stat(existing)).isDirectory())
    throw new HeirloomError('io', `${existing} is not a directory`, { hint: 'give another one with state' })
  await expectAccess(existing, constants.R_OK | constants.W_OK | constants.X_OK, 'written to')
  return ok('state', existing === resolve(directory) ? `${directory} is writable` : `${directory} will be made`)
}

/** Whether something else listens there already. A running agent of this configuration is no such thing. */
export async function checkPort(check: string, host: string, port: number, agentRuns: boolean): Promise<Finding> {
  if (port === 0) return ok(check, 'a free port')
  try {
    await tryToListen(host, port)
    return ok(check, `${host}:${port} is free`)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EADDRINUSE' && agentRuns)
      return ok(check, `${host}:${port} is in use, and the agent is running`)
    throw new HeirloomError('config', `nothing can listen on ${host}:${port}: ${asHeirloomError(thrown).message}`, {
      hint: 'stop what listens there, or take another port',
      cause: thrown,
    })
  }
}

function tryToListen(host: string, port: number): Promise<void> {
  const { promise, resolve: done, reject } = Promise.withResolvers<void>()
  const server = createServer()
  server.once('error', reject)
  server.listen({ host, port, exclusive: true }, () => server.close(() => done()))
  return promise
}

async function nearestExisting(path: string): Promise<string> {
  for (let current = resolve(path); ; current = dirname(current)) {
    if ((await stat(current).catch(() => undefined)) !== undefined || dirname(current) === current) return current
  }
}

export async function expectAccess(path: string, mode: number, what: string): Promise<void> {
  await access(path, mode).catch((thrown: unknown) => {
    throw new HeirloomError('io', `${path} can't be ${what}: ${asHeirloomError(thrown).message}`, {
      cause: thrown,
      hint: 'give this user the right to, or run as another one',
    })
  })
}
