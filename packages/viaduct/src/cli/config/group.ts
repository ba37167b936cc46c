/** `viaduct config group [NAME] [KEY=VALUE…]`: config that several apps share. */
import type { Command } from 'commander'
import type {
  ConfigGroupChangeResource,
  ConfigGroupResource,
} from '../../contract/routes/config-routes.ts'
import { AppError } from '../../model/app-error.ts'
import { watchDeploy } from '../deploys/watch-deploy.ts'
import { renderFacts, renderTable } from '../output/render-table.ts'
import { addServerOptions, openSession, type Session, type SessionOptions } from '../session.ts'
import { parseKey, parsePairs } from './parse-pairs.ts'

interface GroupOptions extends SessionOptions {
  readonly unset: readonly string[]
  readonly bind: readonly string[]
  readonly unbind: readonly string[]
  readonly destroy?: boolean
  readonly stage?: boolean
}

export function defineConfigGroup(command: Command): void {
  const collect = (word: string, words: readonly string[]): string[] => [...words, word]
  addServerOptions(
    command
      .summary('show and change config that apps share')
      .argument('[name]', 'group; default: list all')
      .argument('[key=value...]', 'variables to set'),
  )
    .option('--unset <key>', 'remove a variable', collect, [])
    .option('--bind <app>', 'give the group to an app', collect, [])
    .option('--unbind <app>', 'take the group from an app', collect, [])
    .option('--destroy', 'remove a group that no app is bound to')
    .option('--stage', 'wait for the next release of each app')
    .description(
      'Show and change config that apps share. A change makes a release of every app that is ' +
        'bound to the group, and deploys it.',
    )
    .action(() => {
      const [name, ...words] = command.args
      const options: GroupOptions = command.optsWithGlobals()
      return name === undefined ? listGroups(options) : runGroup(name, words, options)
    })
}

async function listGroups(options: GroupOptions): Promise<void> {
  const { client, terminal } = await openSession(options)
  const groups = await client.groups.list()
  terminal.printJson({ groups })
  if (groups.length === 0) {
    return terminal.print(
      'There is no config group. "viaduct config group NAME KEY=VALUE" makes one.',
    )
  }
  const rows = groups.map(({ name, keys, apps }) => [name, keys.join(', '), apps.join(', ')])
  const columns = ['group', 'variables', 'apps'].map((title) => ({ title }))
  terminal.print(renderTable(columns, rows, terminal.paint))
}

async function runGroup(
  name: string,
  words: readonly string[],
  options: GroupOptions,
): Promise<void> {
  const { unset, bind, unbind, destroy = false, stage = false } = options
  const removed = unset.map((key) => [parseKey(key), null] as const)
  const changes = { ...parsePairs(words), ...Object.fromEntries(removed) }
  const isChange = Object.keys(changes).length + bind.length + unbind.length > 0
  if (destroy && isChange) {
    throw new AppError('bad-usage', '--destroy goes with no other change')
  }
  const session = await openSession(options)
  const { client, terminal } = session
  if (destroy) {
    await client.groups.destroy(name)
    terminal.printJson({ group: name, destroyed: true })
    return terminal.print(`${name} is gone`)
  }
  if (!isChange) return showGroup(session, await client.groups.get(name))
  const body = { bind: [...bind], unbind: [...unbind], stage }
  await report(session, await client.groups.change(name, { ...body, changes }))
}

function showGroup({ terminal }: Session, group: ConfigGroupResource): void {
  terminal.printJson(group)
  const facts = Object.entries(group.config).sort(([a], [b]) => a.localeCompare(b))
  if (facts.length > 0) terminal.print(renderFacts(facts, terminal.paint))
  else terminal.print(`${group.name} has no variables.`)
  const { apps } = group
  terminal.print(apps.length === 0 ? 'No app is bound to it.' : `Apps: ${apps.join(', ')}`)
}

/** Follows the deploys one after the other; the exit code is 1 when one of them failed. */
async function report(
  session: Session,
  { group, results }: ConfigGroupChangeResource,
): Promise<void> {
  const { terminal } = session
  const name = terminal.paint('bold', group.name)
  if (results.length === 0) {
    terminal.printJson({ group: group.name, results: [] })
    return terminal.print(
      `${name} is changed; no app is bound to it: "viaduct config group ${group.name} --bind APP"`,
    )
  }
  for (const { app, deploy, error } of results) {
    if (error) {
      terminal.note(`${app}: ${error.message}. ${error.hint}`)
      process.exitCode = 1
    } else if (deploy === null) {
      terminal.printJson({ app, deploy: null })
      terminal.print(`${app}: nothing to do until its next release`)
    } else {
      const end = await watchDeploy(session, deploy)
      if (end.state === 'succeeded') terminal.print(`${app} runs with the new ${name}`)
    }
  }
}
