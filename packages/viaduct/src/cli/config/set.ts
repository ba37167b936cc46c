/** `viaduct config set KEY=VALUE…` */
import type { Command } from 'commander'
import { addChangeOptions, changeConfig, type ChangeOptions } from './change-config.ts'
import { parsePairs } from './parse-pairs.ts'

const beforeTheFirstDeploy =
  '\nBefore its first deploy the app of this folder is made, and the variables wait for it.' +
  '\nAn app of another folder is made with --app NAME --stage.'

export function defineConfigSet(command: Command): void {
  addChangeOptions(command.summary('set variables').argument('<key=value...>', 'variables'))
    .description('Set variables. Makes a release and deploys it.')
    .addHelpText('after', beforeTheFirstDeploy)
    .action((words: string[], _options: ChangeOptions, self: Command) =>
      changeConfig(self.optsWithGlobals(), parsePairs(words)),
    )
}
