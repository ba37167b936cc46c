/** A package manager that is there to run: npm of the machine, or one from the toolbox. */
import { AppError } from '../../../model/app-error.ts'
import type { Config } from '../../../model/release.ts'
import type { ToolWish } from '../../tools/toolbox.ts'
import { parseRange, satisfies } from '../../tools/version-range.ts'
import type { BuildContext, Machine } from '../builder.ts'
import { readAppFile } from '../../read-app-file.ts'
import type { StepName } from '../../run-step.ts'
import { explainManager } from './explain-manager.ts'
import type { Npm } from './find-npm.ts'
import type { NodePlan } from './node-plan.ts'
import {
  type ManagerKind,
  managerName,
  managerSettings,
  npmRangeFor,
  toolOf,
} from './package-manager.ts'

export interface Manager {
  readonly kind: ManagerKind
  /** With its version: `pnpm 9.15.0`. */
  readonly title: string
  /** As in `Runtime`; none for npm of the machine. */
  readonly tools: readonly string[]
  /** Runs `NAME ARGS`. @throws {AppError} `build-failed`, `disk-full` */
  readonly run: (context: BuildContext, step: StepName, args: string) => Promise<void>
}

/**
 * @param nodeVersion Of the Node.js that runs it.
 * @returns null when the plan has nothing for it to do.
 * @throws {AppError} `build-failed`: there is none, nor can it be got.
 */
export async function equipManager(
  plan: NodePlan,
  { toolbox, signal }: Machine,
  nodeVersion: string,
): Promise<Manager | null> {
  if (!plan.installs && !plan.builds) return null
  const npm = await toolbox.npm()
  if (npm === null) throw noNpm(plan)
  const wish = wishOf(plan, { npm, nodeVersion })
  if (wish === null) return managerOf('npm', { npm, version: npm.version })
  const version = await toolbox.provide(wish, signal)
  return managerOf(plan.manager.kind, { npm, version, tool: wish.name })
}

/** @returns null: npm of the machine will do. */
function wishOf(
  { manager }: NodePlan,
  { npm, nodeVersion }: { npm: Npm; nodeVersion: string },
): ToolWish | null {
  const { range } = manager
  if (manager.kind !== 'npm') return toolOf({ ...manager, range: range ?? '*' })
  if (range === npm.version) return null
  if (range !== null) return toolOf({ ...manager, range })
  const fits = parseRange(npm.runsOn)
  if (fits === null || satisfies(nodeVersion, fits)) return null
  const askedBy = `Node.js ${nodeVersion}`
  return toolOf({ kind: 'npm', range: npmRangeFor(nodeVersion), askedBy })
}

function managerOf(
  kind: ManagerKind,
  { npm, version, tool }: { npm: Npm; version: string; tool?: string },
): Manager {
  const name = managerName(kind)
  return {
    kind,
    title: `${name} ${version}`,
    tools: tool === undefined ? [] : [`${tool}/${version}`],
    run: async ({ tree, homeDir, run }, step, args) => {
      const settings = await settingsBelow(tree, npm.settings)
      await run({
        step,
        shown: `${name} ${args}`,
        command: tool === undefined ? `exec node "$VIADUCT_NPM" ${args}` : `exec ${name} ${args}`,
        defaults: managerSettings(kind, settings),
        env: {
          npm_config_cache: `${homeDir}/npm`,
          ...(tool === undefined && { VIADUCT_NPM: npm.cli }),
          // Without it pnpm asks a person before it removes packages; npm and yarn wait for nobody.
          ...(kind === 'pnpm' && step !== 'build' && { CI: 'true' }),
        },
        morePath: [npm.binDir],
        explain: explainManager,
      })
    },
  }
}

/** For npm a variable comes before any file; here what the app says comes before the platform. */
async function settingsBelow(tree: string, settings: Config): Promise<Config> {
  const npmrc = (await readAppFile(tree, '.npmrc')) ?? ''
  const yarnrc = (await readAppFile(tree, '.yarnrc.yml')) ?? ''
  const own = [...npmrc.matchAll(/^[ \t]*([a-z-]+)[ \t]*=/gm)].map(([, key = '']) => key)
  if (/^npmRegistryServer:/m.test(yarnrc)) own.push('registry')
  const names = new Set(own.map((key) => `npm_config_${key.replaceAll('-', '_')}`))
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !names.has(name)))
}

function noNpm({ installs, commands }: NodePlan): AppError {
  const command = `npm ${installs ? commands.install : commands.build}`
  return new AppError('build-failed', `"${command}" cannot run: there is no npm on this server`, {
    hint: 'Install npm where all users can read it (not below /root), or upload node_modules.',
    data: { step: installs ? 'install' : 'build', command, lines: [] },
  })
}
