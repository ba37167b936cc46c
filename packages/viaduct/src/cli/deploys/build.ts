/**
 * `viaduct build --explain [DIR]`: what a build of a folder would do, and because of what. Needs no
 * server, and runs nothing: builds run on the server, as a part of deploys.
 */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { type ExplainedBuild, explainBuild } from '../../build/builders/explain-build.ts'
import { detectApp } from '../../build/detect/detect-app.ts'
import { AppError } from '../../model/app-error.ts'
import { renderFacts } from '../output/render-table.ts'
import { openTerminal, type Terminal } from '../output/terminal.ts'
import { assertDeployable } from './check-folder.ts'

export function defineBuild(command: Command): void {
  command
    .argument('[dir]', 'folder of the app', '.')
    .option('--explain', 'show builders, tools, steps and process types, and why')
    .option('--json', 'print JSON')
    .description(
      'Explain how a deploy would build a folder. Nothing runs here: builds run on the server.',
    )
    .action(async (dir: string, options: { explain?: boolean; json?: boolean }) => {
      if (options.explain !== true) throw notHere(dir)
      const terminal = openTerminal(options)
      const directory = resolve(dir)
      assertDeployable(directory)
      const explained = explainBuild(await detectApp(directory))
      terminal.printJson({ directory, ...explained })
      terminal.print(render(explained, terminal))
    })
}

function notHere(dir: string): AppError {
  return new AppError('bad-usage', 'Builds run on the server, as a part of a deploy', {
    hint: `"viaduct deploy ${dir}" builds; "viaduct build --explain ${dir}" shows what that does.`,
  })
}

function render({ builders, steps, processes }: ExplainedBuild, { paint }: Terminal): string {
  const because = (builder: string | null, otherwise: string): string =>
    paint('dim', `  (${builder ?? otherwise})`)
  const facts: [string, string][] = [
    ...builders.flatMap(({ builder, reasons, tools }): [string, string][] => [
      ['builder', `${paint('bold', builder)}: ${reasons.join('; ')}`],
      ...Object.entries(tools).map(([tool, version]): [string, string] => [tool, version]),
    ]),
    ...steps.map(({ step, command, builder }): [string, string] => [
      step,
      `${command}${because(builder, 'install of the manifest')}`,
    ]),
    ...processes.map(({ type, command, builder }): [string, string] => [
      type,
      `${command}${because(builder, 'Procfile')}`,
    ]),
  ]
  return renderFacts(facts, paint)
}
