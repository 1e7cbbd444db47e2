// What each program needs from Deno, and why. The README's table, the tests and `npm run deno` all take it from here.

export interface DenoPermission {
  readonly flag: string
  readonly why: string
}

const common: readonly DenoPermission[] = [
  { flag: '--allow-net', why: 'relay, peers and the local API; narrow it to your addresses' },
  { flag: '--allow-env', why: 'HEIRLOOM_… variables, NO_COLOR, and what libraries ask at start' },
  { flag: '--allow-sys', why: 'network interfaces, host name and memory for addresses and metrics' },
]

const programs: Readonly<Record<string, readonly DenoPermission[]>> = {
  'peer/cli.ts': [
    ...common,
    { flag: '--allow-read', why: 'configuration, key, sources and the journal; narrow it to their directories' },
    { flag: '--allow-write', why: 'restored state and the journal; narrow it to their directories' },
  ],
  'relay/cli.ts': [
    ...common,
    { flag: '--allow-read', why: 'configuration, pool files and the store; narrow it to their directories' },
    { flag: '--allow-write', why: 'the store; narrow it to its directory' },
  ],
}

/** The programs that run under Deno. */
export const denoPrograms: readonly string[] = Object.keys(programs)

/** Each permission of a program, with its reason. */
export function explainPermissions(program: string): readonly DenoPermission[] {
  const permissions = programs[program]
  if (permissions === undefined) throw new Error(`nothing is written down about ${program} under Deno`)
  return permissions
}

/** The flags for `deno run`. */
export function denoPermissions(program: string): string[] {
  return explainPermissions(program).map(({ flag }) => flag)
}
