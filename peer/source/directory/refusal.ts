// What keeps one item from being restored, apart from what concerns the whole sink.

import { asHeirloomError } from '../../../src/errors.ts'
import { errnoOf } from './file-system.ts'

/** Not restored, and why: that item only. */
export class Refusal extends Error {}

/** What the file system holds against one name. */
const reasons: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not do that there',
  ENAMETOOLONG: 'its name is too long here',
  EILSEQ: 'its name can not be written here',
  EINVAL: 'its name can not be written here',
  ELOOP: 'a link is in its way',
  ENOTDIR: 'a file is in its way',
  EISDIR: 'a folder is in its place',
  ENOTEMPTY: 'a folder is in its place',
  EEXIST: 'something else is in its place',
  EFBIG: 'it is too large here',
}

/** Why an item is refused. Throws on, as a HeirloomError, what concerns more than the item: a full disk, a staging folder that is gone. */
export function refusalOf(thrown: unknown): string {
  if (thrown instanceof Refusal) return thrown.message
  const reason = reasons[errnoOf(thrown)]
  if (reason !== undefined) return reason
  throw asHeirloomError(thrown, 'io')
}
