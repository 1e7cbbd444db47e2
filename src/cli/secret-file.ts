// The small files that programs keep secrets and keys in: written whole or not at all, read with a bound, and never for
// other users' eyes. Their texts are made and read elsewhere (src/seal).

import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { asHeirloomError, HeirloomError } from '../errors.ts'
import { keyFileBytesMax } from '../limits/wire.ts'
import { createIdentity, identityFromSeed, type Identity } from '../seal/identity.ts'
import { parseKeyFile, type KeyFile } from '../seal/pool-key.ts'

/** Secrets are their owner's alone. */
export const secretMode = 0o600
export const publicMode = 0o644

/** Writes a file that must not be there yet, whole or not at all. Throws `usage` when it is there, `io` when it can't be written. */
export async function writeNewFile(file: string, text: string, mode: number): Promise<void> {
  const temporary = `${file}.${randomUUID().slice(0, 8)}.tmp`
  try {
    const handle = await open(temporary, 'wx', mode)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    // A link fails where a rename would replace what is there.
    await link(temporary, file)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw unwritable(file, thrown)
    throw new HeirloomError('usage', `${file} is there already`, {
      hint: 'give another --out, or remove the file if nobody needs it',
      cause: thrown,
    })
  } finally {
    await rm(temporary, { force: true })
  }
}

/** Reads and parses a key, public key or certificate. Throws `config` with what is wrong. */
export async function readKeyFile(file: string): Promise<KeyFile> {
  return parseKeyFile(await readSmallFile(file, 'make one with `heirloom keygen`, or give its name with --key'), file)
}

/** Reads an identity. Throws `config` with what is wrong; `not-found` when there is none. */
export async function readIdentityFile(file: string): Promise<Identity> {
  const text = await readSmallFile(file, '`heirloom identity` makes one', 'not-found')
  const seed = seedIn(text)
  if (seed === undefined)
    throw new HeirloomError('config', `${file} is not an identity of Heirloom`, {
      hint: 'was another key given, or the file edited by hand?',
    })
  return identityFromSeed(seed)
}

/** Reads an identity, or makes one, with its folder, where there is none. Two that start at once agree on one. */
export async function openIdentityFile(file: string): Promise<Identity> {
  try {
    return await readIdentityFile(file)
  } catch (thrown) {
    if (asHeirloomError(thrown).code !== 'not-found') throw thrown
  }
  const identity = createIdentity()
  const text = `${JSON.stringify({ heirloom: 'identity', peer: identity.peerId, seed: Buffer.from(identity.seed).toString('base64') }, undefined, 2)}\n`
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await writeNewFile(file, text, secretMode)
    return identity
  } catch (thrown) {
    if (asHeirloomError(thrown).code !== 'usage') throw thrown instanceof HeirloomError ? thrown : unwritable(file, thrown)
    return readIdentityFile(file)
  }
}

/** Whether others than the owner may read the file. */
export async function isOpenToOthers(file: string): Promise<boolean> {
  return ((await stat(file)).mode & 0o077) !== 0
}

function seedIn(text: string): Uint8Array | undefined {
  try {
    const fields = JSON.parse(text) as { heirloom?: unknown; seed?: unknown } | null
    if (fields?.heirloom !== 'identity' || typeof fields.seed !== 'string') return undefined
    const seed = new Uint8Array(Buffer.from(fields.seed, 'base64'))
    return seed.length === 32 ? seed : undefined
  } catch {
    return undefined
  }
}

async function readSmallFile(file: string, hint: string, absent: 'config' | 'not-found' = 'config'): Promise<string> {
  try {
    const { size } = await stat(file)
    if (size > keyFileBytesMax) throw new HeirloomError('config', `${file} is too large for a key file`, { hint })
    return await readFile(file, 'utf8')
  } catch (thrown) {
    if (thrown instanceof HeirloomError) throw thrown
    const code = (thrown as NodeJS.ErrnoException).code
    if (code === 'ENOENT') throw new HeirloomError(absent, `there is no file ${file}`, { hint, cause: thrown })
    throw new HeirloomError('config', `${file} can't be read: ${(thrown as Error).message}`, { hint, cause: thrown })
  }
}

function unwritable(file: string, thrown: unknown): HeirloomError {
  const { message, code } = asHeirloomError(thrown, 'io')
  return new HeirloomError(code, `${file} can't be written: ${message}`, {
    cause: thrown,
    hint: 'is there such a directory, and may this user write to it?',
  })
}
