// Keeps a second relay out of a store that one has open already. Invariant: at most one holder a directory, and a holder that was
// killed in any way holds nothing.
//
// The lock is the kernel's own advisory file lock (fcntl), which Node can't take directly but SQLite takes for us: an open exclusive
// transaction on an empty database. It is atomic, ends with the process even on kill -9 and power cuts, holds across containers that share
// the volume, and refuses a second opener in the same process, too. A pid file can't tell a stranger with a reused pid or another pid
// namespace from the holder; a listening socket leaves a file behind whose removal two newcomers can race for.
// Nobody else may open the lock file: closing any descriptor of it would end a POSIX lock of this process.

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { HeirloomError } from '../../src/errors.ts'

/** The lock's file in the directory. It stays empty, and it stays there: removing it would let two hold two files of one name. */
export const lockFileName = 'lock'

/** Locks an existing directory until disposed. Throws `busy` while another holds it, `io` if the file can't be opened. */
export function lockDirectory(directory: string): Disposable {
  const path = join(directory, lockFileName)
  const database = openLockFile(path)
  try {
    database.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (cause) {
    database.close()
    throw new HeirloomError('busy', `${directory} is in use by another process`, {
      cause,
      hint: 'one relay a directory: stop the other one, or give this one a directory of its own',
    })
  }
  return {
    [Symbol.dispose]() {
      if (database.isOpen) database.close()
    },
  }
}

function openLockFile(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path)
  } catch (cause) {
    throw new HeirloomError('io', `${path} can't be opened`, { cause, hint: 'the relay must be able to write in its store directory' })
  }
}
