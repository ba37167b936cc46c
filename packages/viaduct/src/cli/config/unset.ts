/** `viaduct config unset KEY…` */
import type { Command } from 'commander'
import { addChangeOptions, changeConfig, type ChangeOptions } from './change-config.ts'
import { parseKey } from './parse-pairs.ts'

export function defineConfigUnset(command: Command): void {
  addChangeOptions(command.summary('remove variables').argument('<key...>', 'names'))
    .description('Remove variables. Makes a release and deploys it.')
    .action((words: string[], _options: ChangeOptions, self: Command) => {
      const changes = Object.fromEntries(words.map((word) => [parseKey(word), null]))
      return changeConfig(self.optsWithGlobals(), changes)
    })
}
