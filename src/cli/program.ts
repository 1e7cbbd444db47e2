// What both programs have in common: one way to set commander up, to run a command, and to end: the result, or the error's message
// and hint, and the exit code of the contract's table.
//
// Invariant: whatever a command throws, the program ends with a code of the table and says why; with --json the last line of
// stdout says it too.

import { Command, CommanderError, type Option } from 'commander'
import { nearest } from '../config/nearest.ts'
import { asHeirloomError, HeirloomError } from '../errors.ts'
import { applyEnvironment } from './flag.ts'
import { Output, type Terminal } from './output.ts'

interface ProgramOptions {
  readonly name: string
  readonly description: string
  readonly version: string
}

/** Ends with this exit code. Undefined is 0. */
type Ending = number | undefined

interface Program {
  readonly command: Command
  /** Adds a command; `path` may have several words, such as `config check`. */
  add(command: CommandDefinition): void
  /** Runs the command line, without the program's name, and answers its exit code. Never throws. */
  run(args: readonly string[]): Promise<number>
}

export interface CommandDefinition {
  /** The command's name and its arguments: `send`, `config <action>`. */
  readonly name: string
  readonly description: string
  /** A command line that works, as somebody would type it. */
  readonly example: string
  readonly options?: readonly Option[]
  /** Does it. `flags` has the values of the options by their camel-case names. */
  run(invocation: Invocation): Promise<Ending>
}

export interface Invocation {
  // What commander found: each command knows the types that its own readers gave.
  // oxlint-disable-next-line no-explicit-any
  readonly flags: Readonly<Record<string, any>>
  readonly args: readonly string[]
  readonly command: Command
  readonly output: Output
}

export function createProgram({ name, description, version }: ProgramOptions, terminal: Terminal): Program {
  const root = new Command(name).description(description).version(version, '-V, --version', 'print the version')
  configure(root, terminal)
  root.addHelpText('after', '\nEvery flag can also be given as an environment variable HEIRLOOM_<FLAG>, such as HEIRLOOM_KEY.')

  return { command: root, add: (definition) => addCommand(root, definition, terminal), run: (args) => run(root, args, terminal) }
}

function configure(command: Command, terminal: Terminal): void {
  command
    .exitOverride()
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .showSuggestionAfterError(false)
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      // Errors are reported in one place, below.
      writeErr: () => {},
    })
}

function addCommand(root: Command, definition: CommandDefinition, terminal: Terminal): void {
  const command = root.command(definition.name).description(definition.description)
  configure(command, terminal)
  command.allowExcessArguments(false)
  for (const option of definition.options ?? []) command.addOption(option)
  command.option('--json', 'print lines of JSON, the last one the result').option('-q, --quiet', 'say nothing but errors')
  command.addHelpText('after', `\nExample:\n  ${definition.example}`)
  command.action(async () => {
    applyEnvironment(command, terminal.env)
    const flags = command.opts()
    const output = new Output(terminal, { json: flags['json'] === true, quiet: flags['quiet'] === true })
    const ending = await definition.run({ flags, args: command.args, command, output })
    // Where the caller of run() finds it; commander has no return value of its own.
    root.setOptionValue('ending', ending ?? 0)
  })
}

async function run(root: Command, args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    if (args.length === 0) {
      terminal.stderr.write(root.helpInformation())
      return new HeirloomError('usage', '').exitCode
    }
    await root.parseAsync([...args], { from: 'user' })
    return Number(root.getOptionValue('ending') ?? 0)
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0
    return report(thrown instanceof CommanderError ? usageError(root, thrown, args) : asHeirloomError(thrown), args, terminal)
  }
}

/** Commander's complaint as ours: the exit code of the table, and a hint that helps. */
function usageError(root: Command, thrown: CommanderError, args: readonly string[]): HeirloomError {
  const command = root.commands.find((candidate) => candidate.name() === args[0])
  const help = `\`${[root.name(), command?.name()].filter(Boolean).join(' ')} --help\` shows what there is`
  const meant = meantBy(thrown.code, root, command, args)
  const hint = meant === undefined ? help : `did you mean ${meant}? ${help}`
  return new HeirloomError('usage', thrown.message.replace(/^error: /, ''), { cause: thrown, hint })
}

/** The command or flag that is nearest to the one that doesn't exist. */
function meantBy(code: string, root: Command, command: Command | undefined, args: readonly string[]): string | undefined {
  if (code === 'commander.unknownCommand') {
    return nearest(
      args.find((arg) => !arg.startsWith('-')) ?? '',
      root.commands.map((candidate) => candidate.name()),
    )
  }
  if (code !== 'commander.unknownOption') return undefined
  const known = ['--help', ...(command ?? root).options.flatMap((option) => option.long ?? [])]
  const wrong = args.map((arg) => arg.split('=')[0]!).find((arg) => arg.startsWith('--') && !known.includes(arg))
  return wrong === undefined ? undefined : nearest(wrong, known)
}

function report(error: HeirloomError, args: readonly string[], terminal: Terminal): number {
  const { code, message, hint, exitCode } = error
  const json = args.includes('--json') || !['', '0', 'false', 'no', undefined].includes(terminal.env['HEIRLOOM_JSON']?.toLowerCase())
  const output = new Output(terminal, { json, quiet: false })
  const problems = 'problems' in error ? { problems: error.problems } : {}
  output.row({ event: 'error', code, message, ...(hint === undefined ? {} : { hint }), exitCode, ...problems })
  output.log('error', message, { code, hint })
  if (!json && hint !== undefined) terminal.stderr.write(`hint: ${hint}\n`)
  // A defect of ours is nothing that the operator can read from the message alone.
  if (code === 'internal' && error.cause instanceof Error) terminal.stderr.write(`${error.cause.stack}\n`)
  return exitCode
}
