/**
 * Makes the environment of a Python app, `.venv` in its tree, with all that it depends on, or takes
 * it from the cache. It works wherever the tree is: see `relocate-script.ts`.
 */
import { createHash } from 'node:crypto'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { removeTree } from '../../seal-tree.ts'
import type { BuildContext, Dependencies } from '../builder.ts'
import { explainPip } from './explain-pip.ts'
import type { Python } from './find-python.ts'
import type { Origin, PythonPlan } from './python-plan.ts'
import { dependenciesScript, relocateScript } from './relocate-script.ts'

export const venvName = '.venv'

export interface PythonWork {
  readonly plan: PythonPlan
  readonly python: Python
  readonly toolchain: readonly string[]
}

/** What each installs, as a person would type it; the shell has the same with paths. */
export const pipCommands: Readonly<Record<Origin, string>> = {
  requirements: 'pip install -r requirements.txt',
  package: 'pip install .',
  project: 'pip install what pyproject.toml depends on',
}

const pip = `${venvName}/bin/python -m pip install`
const installLines: Readonly<Record<Origin, string>> = {
  requirements: `${pip} -r requirements.txt`,
  package: `${pip} .`,
  project:
    `${venvName}/bin/python -I -c "$VIADUCT_DEPENDENCIES" > ${venvName}/requirements.txt && ` +
    `${pip} -r ${venvName}/requirements.txt`,
}

const relocate = `"$VIADUCT_PYTHON" -I -c "$VIADUCT_RELOCATE"`
const relocateLine = `${relocate} "$PWD/${venvName}" "$PWD" "$PLACE"`

/** @throws {AppError} `build-failed`, `disk-full` */
export async function installVenv(work: PythonWork, context: BuildContext): Promise<Dependencies> {
  const { plan, python } = work
  const key = keyOf(work)
  const venv = join(context.tree, venvName)
  // One that was uploaded is of another machine.
  await removeTree(venv, context.owner)
  if (key !== null && (await putInPlace(key, context))) return 'cached'
  const shown = `python -m venv ${venvName}`
  const command = `exec "$VIADUCT_PYTHON" -m venv ${venvName}`
  await context.run({ step: 'install', shown, command, env: variables(python, context) })
  await context.run({
    step: 'install',
    shown: pipCommands[plan.origin],
    command: `${installLines[plan.origin]} && ${relocateLine}`,
    defaults: pipSettings,
    env: variables(python, context),
    explain: explainPip,
  })
  if (key !== null) {
    await context.cache.take(key, venv)
    await putInPlace(key, context)
  }
  return 'installed'
}

/** After the app's own commands, which may have installed more. @throws {AppError} as above */
export async function relocateAgain(python: Python, context: BuildContext): Promise<void> {
  await context.run({
    step: 'build',
    shown: `let ${venvName} work at its place`,
    command: `exec ${relocateLine}`,
    env: variables(python, context),
  })
}

/** An answer that nobody gives, a bar that nobody sees, and news that nobody asked for. */
const pipSettings = {
  PIP_NO_INPUT: '1',
  PIP_PROGRESS_BAR: 'off',
  PIP_DISABLE_PIP_VERSION_CHECK: '1',
}

function variables(python: Python, { place }: BuildContext): Record<string, string> {
  return {
    VIADUCT_PYTHON: python.path,
    VIADUCT_DEPENDENCIES: dependenciesScript,
    VIADUCT_RELOCATE: relocateScript,
    PLACE: place,
  }
}

/** Made where the app cannot reach it, then moved into its tree in one step. */
async function putInPlace(key: string, context: BuildContext): Promise<boolean> {
  const { cache, closedDir, signal, tree } = context
  const aside = join(closedDir, venvName)
  if (!(await cache.restore(key, aside, { signal }))) return false
  await rename(aside, join(tree, venvName))
  return true
}

function keyOf({ plan, toolchain }: PythonWork): string | null {
  if (plan.inputs === null) return null
  const parts = ['viaduct-venv-1', plan.origin, plan.inputs, toolchain]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}
