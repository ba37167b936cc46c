/**
 * Runs what the builders of a tree have to run, in their order: all install, then the lines of
 * `install` in the manifest run, then all compile.
 *
 * Every command runs as the app's user in the tree, with nothing on its stdin, and the tree can be
 * reached by that user only while one runs.
 */
import { chmod } from 'node:fs/promises'
import { dirname } from 'node:path'
import { buildTimeoutMs } from '../model/limits.ts'
import type { BuildOptions, Workpiece } from './build-artifact.ts'
import type { BuildCommand, BuildContext, Dependencies } from './builders/builder.ts'
import { baseEnvironment, type Environment, userLayers } from './compose-environment.ts'
import { DependencyCache } from './dependency-cache.ts'
import { runStep } from './run-step.ts'

/** From the least work to the most. */
const amounts: readonly Dependencies[] = ['none', 'uploaded', 'cached', 'installed']

/**
 * @returns Where the dependencies came from; of several builders, the one that did most.
 * @throws {AppError} `build-failed`, `disk-full`
 */
export async function runBuilders(options: BuildOptions, piece: Workpiece): Promise<Dependencies> {
  const context = openContext(options, piece)
  const installed: Dependencies[] = []
  for (const builder of piece.equipped) installed.push(await builder.install(context))
  for (const command of piece.commands) {
    await context.run({ step: 'command', shown: command, command })
  }
  for (const builder of piece.equipped) await builder.compile(context)
  return amounts.findLast((amount) => installed.includes(amount)) ?? 'none'
}

function openContext(options: BuildOptions, piece: Workpiece): BuildContext {
  const { layout, owner, signal } = options
  const { tree, place } = piece
  const closedDir = dirname(tree)
  return {
    ...{ tree, place, owner, closedDir, signal },
    cache: new DependencyCache(layout.dependencyCache, owner),
    homeDir: layout.buildHome,
    run: async (command) => {
      await chmod(closedDir, 0o711)
      try {
        await run(command, options, piece)
      } finally {
        await chmod(closedDir, 0o700)
      }
    },
  }
}

async function run(command: BuildCommand, options: BuildOptions, piece: Workpiece): Promise<void> {
  const { runJob, onOutput, signal, timeoutMs = buildTimeoutMs } = options
  const { step, shown, explain } = command
  await runStep({
    ...{ step, shown, runJob, onOutput, signal, timeoutMs },
    ...(explain && { explain }),
    command: command.command,
    cwd: piece.tree,
    env: environmentOf(command, options, piece),
  })
}

function environmentOf(
  { defaults, env, morePath }: BuildCommand,
  { node, toolbox, layout, env: config }: BuildOptions,
  { tree, runtime, manifestEnv, dotenv }: Workpiece,
): Environment {
  const base = baseEnvironment({
    nodeDir: dirname(node),
    releaseDir: tree,
    toolsDir: toolbox.dir,
    runtime,
    home: layout.buildHome,
    tmpDir: layout.tmp,
    ...(morePath && { morePath }),
  })
  const below = { ...base, ...defaults }
  const wanted = { manifestEnv, dotenv, groups: [], config }
  const layers = userLayers(wanted, { above: {}, below })
  return Object.assign({}, below, ...layers.map(({ variables }) => variables), env)
}
