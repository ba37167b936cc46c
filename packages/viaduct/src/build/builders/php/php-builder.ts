/**
 * The builder for PHP: a tree with index.php or composer.json. PHP's built-in server answers the
 * requests, which does for small things.
 */
import { lchown, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../../../model/app-error.ts'
import type { ProcessType } from '../../../model/ids.ts'
import { exists } from '../../read-app-file.ts'
import type { BuildContext, Builder, Detection, Equipped, Machine } from '../builder.ts'
import { findPhp } from './find-php.ts'
import { routerName, routerScript } from './router-script.ts'

interface PhpPlan {
  /** Below which files are served; null when there is no index.php. */
  readonly folder: 'public' | '.' | null
  readonly hasComposer: boolean
  readonly hasVendor: boolean
}

export const phpBuilder: Builder = {
  name: 'php',
  combines: true,
  signs: ['index.php', 'public/index.php', 'composer.json'],
  async detect(tree, { hasCommands }): Promise<Detection | null> {
    const plan = await readPlan(tree)
    const { folder, hasComposer } = plan
    if (folder === null && !hasComposer) return null
    return {
      builder: 'php',
      reasons: [
        ...(folder === null ? [] : [`${join(folder, 'index.php')} is there`]),
        ...(hasComposer ? ['composer.json is there: "install" of the manifest runs composer'] : []),
      ],
      appName: null,
      processes: folder === null ? {} : { ['web' as ProcessType]: webCommand(folder) },
      noWeb: 'there is no index.php, and none in public',
      tools: { PHP: "the machine's" },
      steps: [],
      equip: (machine) => equip(plan, hasCommands, machine),
    }
  },
}

async function readPlan(tree: string): Promise<PhpPlan> {
  const has = (path: string): Promise<boolean> => exists(join(tree, path))
  const folder = (await has('public/index.php')) ? 'public' : (await has('index.php')) ? '.' : null
  return { folder, hasComposer: await has('composer.json'), hasVendor: await has('vendor') }
}

function webCommand(folder: string): string {
  return `php -S "$HOST:$PORT" -t ${folder} ${routerName}`
}

async function equip(
  { folder, hasComposer, hasVendor }: PhpPlan,
  hasCommands: boolean,
  { signal }: Machine,
): Promise<Equipped> {
  const { binDir, version } = await findPhp(signal)
  if (hasComposer && !hasVendor && !hasCommands) throw noPackages()
  return {
    toolchain: [`php ${version}`, process.platform, process.arch],
    // The built-in server takes one request at a time, but for this.
    runtime: { tools: [], path: [binDir], env: { PHP_CLI_SERVER_WORKERS: '4' } },
    install: async () => (hasVendor ? 'uploaded' : 'none'),
    compile: async (context) => {
      if (folder !== null) await writeRouter(context)
    },
  }
}

function noPackages(): AppError {
  return new AppError('build-failed', 'composer.json is there, and no folder "vendor"', {
    hint:
      'Upload "vendor", or let viaduct.json have "install": ["composer install --no-dev"] ' +
      '(on the server: apt install composer).',
    data: { lines: [] },
  })
}

/** A new file: an app's own of that name is not followed, should it be a link. */
async function writeRouter({ tree, owner }: BuildContext): Promise<void> {
  const path = join(tree, routerName)
  if (await exists(path)) {
    const message = `${routerName} is a name that the build needs`
    throw new AppError('bad-manifest', message, { data: { file: routerName } })
  }
  await writeFile(path, routerScript, { flag: 'wx' })
  if (owner) await lchown(path, owner.uid, owner.gid)
}
