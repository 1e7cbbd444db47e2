// Entries of the manifest for state that other programs of the machine tell of: the kernel's page cache, PostgreSQL, a command.

import * as z from 'zod'
import { duration, path, strict } from '../config/values.ts'
import { divide, globs, order, place, sourceName } from './source-place.ts'

export const pageCacheSource = strict({
  name: sourceName,
  kind: z.literal('pagecache').describe('Which parts of the files below a directory the kernel has in memory. The files themselves stay.'),
  path: path().describe('The directory. A relative one counts from the configuration file.'),
  order: order('forecast'),
  ...place,
  divide: divide.optional(),
  include: globs('Only what matches one of these globs.'),
  exclude: globs('Nothing that matches one of these globs.'),
  python: z.string().min(1).default('python3').describe('The Python that asks the kernel: it needs nothing but its standard library.'),
})

export const postgresqlSource = strict({
  name: sourceName,
  kind: z.literal('postgresql').describe('Which blocks a PostgreSQL server has in its buffers. The data itself stays.'),
  dsn: z
    .string()
    .max(4096)
    .refine((text) => !/password\s*=|:\/\/[^/@]*:[^/@]*@/i.test(text), {
      error: 'secrets have no place in this file: leave the password to ~/.pgpass or passfile=',
    })
    .default('')
    .describe(
      "How psql connects: host=/run/postgresql user=heirloom dbname=postgres, or a postgresql:// URL. Without it: psql's own defaults.",
    ),
  order: order('forecast'),
  ...place,
  divide: divide.optional(),
  psql: z.string().min(1).default('psql').describe('The psql to run, version 10 or later.'),
  timeout: duration({ min: 1 }).optional().describe('How long a question to the server may take.'),
}).transform(({ timeout, ...source }) => ({ ...source, timeoutMs: timeout }))

const commandLine = z.array(z.string().min(1).max(4096)).min(1).max(64)

export const commandSource = strict({
  name: sourceName,
  kind: z.literal('command').describe('Two programs of your own: one that tells and dumps the state, one that loads it.'),
  dump: commandLine.describe('The program that dumps, with its arguments; it is run without a shell.'),
  load: commandLine.describe('The program that loads, with its arguments; it is run without a shell.'),
  order: order('app'),
  ...place,
  divide: divide.optional(),
  timeout: duration({ min: 1 }).optional().describe('How long the index, and then each answer, may take.'),
}).transform(({ timeout, ...source }) => ({ ...source, timeoutMs: timeout }))
