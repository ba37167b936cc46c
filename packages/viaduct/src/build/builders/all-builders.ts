/**
 * Every builder, and which of them a tree gets.
 *
 * All that find something in the tree are used, in the order of the list: each installs, then the
 * commands of `install` in the manifest run, then each compiles. For a process type that several
 * know a command for, the first one's counts. One that does not combine is used only when none
 * before it was found. `builder` in the manifest names the only one that is used.
 */
import { AppError } from '../../model/app-error.ts'
import type { BuilderName } from '../../model/manifest.ts'
import type { Builder, DetectOptions, Detection } from './builder.ts'
import { nodeBuilder } from './node/node-builder.ts'
import { phpBuilder } from './php/php-builder.ts'
import { procfileBuilder } from './procfile.ts'
import { pythonBuilder } from './python/python-builder.ts'
import { staticBuilder } from './static.ts'

export const builders: readonly Builder[] = [
  nodeBuilder,
  pythonBuilder,
  phpBuilder,
  procfileBuilder,
  staticBuilder,
]

/**
 * @param options.forced Name of the only builder to use.
 * @throws {AppError} `bad-manifest`: the forced one finds nothing.
 */
export async function detectBuilders(
  tree: string,
  options: DetectOptions & { readonly forced?: BuilderName | undefined },
): Promise<readonly Detection[]> {
  if (options.forced !== undefined) return [await detectForced(tree, options.forced, options)]
  const found: Detection[] = []
  for (const builder of builders) {
    if (!builder.combines && found.length > 0) continue
    const detection = await builder.detect(tree, options)
    if (detection !== null) found.push(detection)
  }
  return found
}

async function detectForced(
  tree: string,
  name: BuilderName,
  options: DetectOptions,
): Promise<Detection> {
  const builder = builders.find((one) => one.name === name)
  const detection = await builder?.detect(tree, options)
  if (detection) return detection
  const message = `"builder" is "${name}", but the folder has nothing that ${name} could build`
  throw new AppError('bad-manifest', message, { data: { file: 'viaduct.json', field: 'builder' } })
}
