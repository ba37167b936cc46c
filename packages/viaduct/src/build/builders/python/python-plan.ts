/** What is to be done with a Python app, from its files alone. */
import { lockFileMaxBytes } from '../../../model/limits.ts'
import { readAppFile } from '../../read-app-file.ts'
import { parsePyproject } from './parse-pyproject.ts'
import { type PythonWish, readPythonWish } from './python-wish.ts'
import { packageOf, readRequirements } from './read-requirements.ts'
import { findWebCommand } from './web-command.ts'

/**
 * Where the dependencies are written: in requirements.txt; in pyproject.toml, which says how the
 * app itself is installed as a package; or in there, for an app that is none.
 */
export type Origin = 'requirements' | 'package' | 'project'

export interface PythonPlan {
  readonly origin: Origin
  readonly appName: string | null
  /** null: the system's `python3`. */
  readonly python: PythonWish | null
  /** Texts that an install depends on; null when it depends on more than these. */
  readonly inputs: readonly { readonly name: string; readonly text: string }[] | null
  /** Of the process type `web`, when it can be told. */
  readonly web: string | null
  readonly hasUvLock: boolean
}

/**
 * @returns null when there is neither requirements.txt nor a project in pyproject.toml.
 * @throws {AppError} `bad-manifest`
 */
export async function readPythonPlan(tree: string): Promise<PythonPlan | null> {
  const requirements = await readRequirements(tree)
  const text = await readAppFile(tree, 'pyproject.toml')
  const facts = parsePyproject(text ?? '')
  if (requirements === null && !facts.isProject) return null
  const origin = requirements ? 'requirements' : facts.hasBuildSystem ? 'package' : 'project'
  const packages = requirements?.packages ?? new Set(facts.dependencies.map(packageOf))
  const inputs = {
    requirements: requirements?.isMoving ? null : (requirements?.files ?? null),
    package: null,
    project: [{ name: 'pyproject.toml', text: text ?? '' }],
  }
  return {
    origin,
    appName: facts.appName,
    python: await readPythonWish(tree, facts.requiresPython),
    inputs: inputs[origin],
    web: await findWebCommand(tree, packages),
    hasUvLock: (await readAppFile(tree, 'uv.lock', lockFileMaxBytes)) !== null,
  }
}
