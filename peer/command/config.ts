// `heirloom config check|print|schema`: what is in a configuration file, what is wrong with it, and what may be in it.

import * as z from 'zod'
import { textFlag } from '../../src/cli/flag.ts'
import type { CommandDefinition, Invocation } from '../../src/cli/program.ts'
import { notOneOf } from '../../src/config/issue.ts'
import { HeirloomError } from '../../src/errors.ts'
import { loadConfig } from '../config/load-config.ts'
import { configNotes } from '../config/notes.ts'
import { printConfig, writtenConfig } from '../config/print-config.ts'
import { configSchema } from '../config/schema.ts'

/** Where the packages of distributions put it. */
const defaultConfigFile = '/etc/heirloom/peer.yaml'

export function configFlag() {
  return textFlag('--config <file>', 'the configuration file', defaultConfigFile)
}

const actions: Readonly<Record<string, (invocation: Invocation) => Promise<void>>> = {
  async check({ flags, output }) {
    const file: string = flags['config']
    const notes = configNotes(await loadConfig(file, output.terminal.env))
    for (const note of notes) output.log('info', `note: ${note}`)
    output.result({ ok: true, file, notes }, `${file} is valid`)
  },
  async print({ flags, output }) {
    const config = await loadConfig(flags['config'], output.terminal.env)
    output.result({ config: writtenConfig(config) }, printConfig(config).trimEnd(), { always: true })
  },
  async schema({ output }) {
    const schema = z.toJSONSchema(configSchema, { io: 'input' })
    output.result({ schema }, JSON.stringify(schema, undefined, 2), { always: true })
  },
}

export const configCommand: CommandDefinition = {
  name: 'config <check|print|schema>',
  description: 'check a configuration file, print it with all defaults, or print the JSON Schema of such files',
  example: 'heirloom config check --config /etc/heirloom/peer.yaml',
  options: [configFlag()],
  async run(invocation) {
    const wanted = invocation.args[0] ?? ''
    const known = Object.keys(actions)
    if (!known.includes(wanted))
      throw new HeirloomError('usage', notOneOf(wanted, known), { hint: 'such as `heirloom config check --config FILE`' })
    await actions[wanted]!(invocation)
    return 0
  },
}
