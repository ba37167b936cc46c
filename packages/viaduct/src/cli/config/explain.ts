/** `viaduct config explain [KEY]`: which layers set a variable, and which one won. */
import type { Command } from 'commander'
import { AppError } from '../../model/app-error.ts'
import type { ConfigExplanationResource } from '../../contract/routes/config-routes.ts'
import { renderTable } from '../output/render-table.ts'
import { addAppOptions, chooseApp, openSession, type SessionOptions } from '../session.ts'
import { parseKey } from './parse-pairs.ts'

interface ExplainOptions extends SessionOptions {
  readonly show?: boolean
}

type Layer = ConfigExplanationResource['variables'][number]['layers'][number]

export function defineConfigExplain(command: Command): void {
  addAppOptions(
    command.summary('show where variables come from').argument('[key]', 'name; default: all'),
  )
    .option('--show', 'show the values, too')
    .description('Show which places set a variable, and which one won. See docs/environment.md.')
    .action((key: string | undefined, _options: ExplainOptions, self: Command) =>
      explainConfig(key === undefined ? null : parseKey(key), self.optsWithGlobals()),
    )
}

async function explainConfig(key: string | null, options: ExplainOptions): Promise<void> {
  const session = await openSession(options)
  const { client, terminal } = session
  const app = await chooseApp(session, options)
  const query = { show: options.show === true, ...(key !== null && { key }) }
  const found = await client.config.explain(app, query)
  if (key !== null && found.variables.length === 0) {
    throw new AppError('not-found', `Nothing sets ${key} for ${app}`, {
      hint: `Set it with "viaduct config set ${key}=…".`,
    })
  }
  terminal.printJson({ app, ...found })
  const rows = found.variables.flatMap(({ key: name, layers }) =>
    layers.toReversed().map((layer, at) => {
      const cells = [at === 0 ? name : '', renderPlace(layer), at === 0 ? 'wins' : 'overridden']
      return options.show ? [...cells, layer.value ?? '(its own for each process)'] : cells
    }),
  )
  const titles = ['variable', 'set by', '', ...(options.show ? ['value'] : [])]
  const columns = titles.map((title) => ({ title }))
  terminal.print(renderTable(columns, rows, terminal.paint))
}

function renderPlace({ layer, from }: Layer): string {
  const places = {
    base: 'the platform, as a default',
    manifest: '"env" of the manifest',
    dotenv: from ?? '.env',
    group: `config group ${from}`,
    config: 'config of the app',
    platform: 'the platform',
  }
  return places[layer]
}
