/**
 * `viaduct config`: shows the variables of an app; `set`, `unset` and the others are in their own
 * files. As `env HOST DIR KEY=VALUE` it is the seed's command.
 */
import { statSync } from 'node:fs'
import type { Command } from 'commander'
import { AppError } from '../../model/app-error.ts'
import { renderFacts } from '../output/render-table.ts'
import { addAppOptions, chooseApp, openSession, type SessionOptions } from '../session.ts'
import { defineConfigExplain } from './explain.ts'
import { defineConfigGet } from './get.ts'
import { defineConfigGroup } from './group.ts'
import { defineConfigImport } from './import.ts'
import { defineConfigSet } from './set.ts'
import { stageForSeed } from './stage-for-seed.ts'
import { defineConfigUnset } from './unset.ts'

export function defineConfig(command: Command): void {
  addAppOptions(command)
    .argument('[words...]', "the seed's form: HOST DIR KEY=VALUE waits for the next deploy")
    .usage('[options] [get|set|unset|import|explain|group]')
    .action((words: string[], options: SessionOptions) => {
      if (words.length === 0) return showConfig(options)
      if (isSeedForm(words)) return stageForSeed(words, options)
      throw new AppError('bad-usage', `There is no "config ${words[0]}"`, {
        hint: 'Write "viaduct config set KEY=VALUE"; "viaduct config --help" lists the others.',
      })
    })
  defineConfigGet(command.command('get'))
  defineConfigSet(command.command('set'))
  defineConfigUnset(command.command('unset'))
  defineConfigImport(command.command('import'))
  defineConfigExplain(command.command('explain'))
  defineConfigGroup(command.command('group'))
}

async function showConfig(options: SessionOptions): Promise<void> {
  const session = await openSession(options)
  const { client, terminal } = session
  const app = await chooseApp(session, options)
  const { release, config, staged } = await client.config.get(app)
  terminal.printJson({ app, release, config, staged })
  const { paint } = terminal
  const facts = Object.entries(config).sort(([a], [b]) => a.localeCompare(b))
  if (facts.length === 0) terminal.print(`${app} has no config.`)
  else terminal.print(renderFacts(facts, paint))
  for (const [key, value] of Object.entries(staged)) {
    const change = value === null ? `${key} is removed` : `${key}=${value}`
    terminal.print(`${paint('yellow', 'next release:')} ${change}`)
  }
}

/** HOST DIR KEY=VALUE: the second word is a folder. */
function isSeedForm(words: readonly string[]): boolean {
  const directory = words[1]
  if (words.length < 2 || directory === undefined) return false
  return statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true
}
