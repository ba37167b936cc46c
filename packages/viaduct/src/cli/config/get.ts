/** `viaduct config get KEY`: one value, as it is, for scripts. */
import type { Command } from 'commander'
import { AppError } from '../../model/app-error.ts'
import { addAppOptions, chooseApp, openSession, type SessionOptions } from '../session.ts'
import { parseKey } from './parse-pairs.ts'

export function defineConfigGet(command: Command): void {
  addAppOptions(command.summary('print one variable').argument('<key>', 'name'))
    .description('Print the value of one variable and nothing else.')
    .action((key: string, _options: SessionOptions, self: Command) =>
      getConfig(parseKey(key), self.optsWithGlobals()),
    )
}

async function getConfig(key: string, options: SessionOptions): Promise<void> {
  const session = await openSession(options)
  const app = await chooseApp(session, options)
  const { config } = await session.client.config.get(app)
  const value = Object.hasOwn(config, key) ? config[key] : undefined
  if (value === undefined) {
    const names = Object.keys(config).sort().join(', ')
    throw new AppError('not-found', `${app} has no variable "${key}"`, {
      hint: names === '' ? 'It has none at all.' : `It has ${names}.`,
    })
  }
  session.terminal.printJson({ [key]: value })
  session.terminal.print(value)
}
