/** `viaduct config import FILE`: the variables of a `.env` file, or of stdin with `-`. */
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import type { Command } from 'commander'
import { AppError, messageOf } from '../../model/app-error.ts'
import { addChangeOptions, changeConfig, type ChangeOptions } from './change-config.ts'
import { parseEnvFile } from './parse-pairs.ts'

export function defineConfigImport(command: Command): void {
  addChangeOptions(
    command
      .summary('set the variables of a .env file')
      .argument('<file>', '.env file, or - for stdin'),
  )
    .description('Set the variables of a .env file. Makes a release and deploys it.')
    .action(async (file: string, _options: ChangeOptions, self: Command) =>
      changeConfig(self.optsWithGlobals(), parseEnvFile(await readText(file), file)),
    )
}

async function readText(file: string): Promise<string> {
  if (file === '-') return text(process.stdin)
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new AppError('bad-usage', `${file} cannot be read: ${messageOf(error)}`, {
      hint: 'Give a file with lines KEY=VALUE, or - for stdin.',
    })
  }
}
