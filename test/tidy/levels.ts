/**
 * Imports go down the levels, never up or sideways. The levels are read from ARCHITECTURE.md, so
 * that the page cannot say anything else than the code.
 */
import { posix } from 'node:path'
import { type Check, type SourceFile, plant } from './check.ts'

const product = 'packages/viaduct/src/'
const library = 'packages/supervise/src/'

/** Folder → level, from the table below the marker in ARCHITECTURE.md. */
export function parseLevels(architecture: string): Map<string, number> {
  const table = architecture.split('<!-- levels:')[1]?.split('\n\n')[0] ?? ''
  const levels = new Map<string, number>()
  for (const [, level, folders] of table.matchAll(/^\| (\d+) \| (.+) \|$/gm)) {
    for (const [, folder = ''] of (folders ?? '').matchAll(/`([a-z-]+)`/g)) {
      levels.set(folder, Number(level))
    }
  }
  return levels
}

/** @param levels See `parseLevels`. */
export function levelChecks(levels: ReadonlyMap<string, number>): readonly Check[] {
  return [
    {
      name: 'imports go down the levels of ARCHITECTURE.md',
      find: (files) => files.flatMap((file) => findUphill(file, levels)),
      planted: [
        plant(`${product}model/a.ts`, "import { plan } from '../plan/plan-app.ts'"),
        plant(`${product}store/a.ts`, "import { b } from '../keeper/b.ts'"),
        plant(`${product}engine/a.ts`, "const { b } = await import('../daemon/b.ts')"),
        plant(`${product}engine/a.ts`, "export * from '../api/b.ts'"),
        plant(`${library}lifecycle/a.ts`, "import { b } from '../../../viaduct/src/model/b.ts'"),
        plant(`${product}unheard-of/a.ts`, 'export const a = 1'),
      ],
    },
    {
      name: 'pure folders import nothing of Node.js and read no clock',
      find: (files) => files.flatMap(findImpure),
      planted: [
        plant(`${product}contract/a.ts`, "import { join } from 'node:path'"),
        plant(`${product}plan/a.ts`, 'const now = Date.now()'),
        plant(`${library}lifecycle/a.ts`, 'const salt = Math.random()'),
      ],
    },
    {
      name: 'the embeddable library imports nothing but Node.js and itself',
      find: (files) => files.flatMap(findForeign),
      planted: [
        plant(`${library}master/a.ts`, "import { debounce } from 'lodash'"),
        plant(`${library}master/a.ts`, "import { a } from '../../../viaduct/src/model/a.ts'"),
      ],
    },
    {
      name: 'every folder of the table is there',
      find: (files) => findMissing(files, levels),
      planted: [[], plant(`${product}model/a.ts`)],
    },
  ]
}

function findUphill(file: SourceFile, levels: ReadonlyMap<string, number>): string[] {
  const own = levelOf(file.path, levels)
  if (own === null) return []
  if (own === undefined) return [`${file.path}: its folder is not in ARCHITECTURE.md`]
  return importsOf(file).flatMap((target) => {
    if (folderOf(target) === folderOf(file.path)) return []
    const other = levelOf(target, levels)
    if (other === null || (other !== undefined && other < own)) return []
    return [`${file.path}: imports ${target}, level ${other ?? 'unknown'} from level ${own}`]
  })
}

function findImpure(file: SourceFile): string[] {
  const plan = file.path.startsWith(`${product}plan/`)
  const pure = plan || file.path.startsWith(`${library}lifecycle/`)
  const browser = file.path.startsWith(`${product}contract/`)
  const found: string[] = []
  if ((pure || browser) && /from 'node:/.test(file.text)) found.push('imports a Node.js module')
  if (pure && /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|performance\.now\(/.test(file.text)) {
    found.push('reads a clock or a dice')
  }
  return found.map((what) => `${file.path}: ${what}`)
}

function findForeign({ path, text }: SourceFile): string[] {
  if (!path.startsWith(library)) return []
  const imported = [...text.matchAll(/^(?:import|export|\}).* from '([^']+)'/gm)]
  const foreign = imported.filter(([, from = '']) => !/^node:|^\.(?!.*viaduct\/src)/.test(from))
  return foreign.map(([, from]) => `${path}: imports ${from}`)
}

function findMissing(files: readonly SourceFile[], levels: ReadonlyMap<string, number>): string[] {
  if (levels.size === 0) return ['ARCHITECTURE.md has no table of levels']
  return [...levels.keys()]
    .filter((folder) => !files.some(({ path }) => path.startsWith(`${product}${folder}/`)))
    .map((folder) => `ARCHITECTURE.md names ${folder}, which is not there`)
}

/** Repository paths of all relative imports, static, dynamic and re-exported. */
function importsOf({ path, text }: SourceFile): string[] {
  const targets = [...text.matchAll(/(?:from |import\()'(\.[^']+)'/g)]
  return targets.map(([, target = '']) => posix.join(posix.dirname(path), target))
}

function folderOf(path: string): string {
  if (path.startsWith(library)) return 'supervise'
  return path.startsWith(product) ? (path.slice(product.length).split('/')[0] ?? '') : ''
}

/** undefined: in the product, but not in the table. null: not in the packages at all. */
function levelOf(path: string, levels: ReadonlyMap<string, number>): number | null | undefined {
  if (path.startsWith(library)) return -1
  if (!path.startsWith(product)) return null
  return levels.get(folderOf(path))
}
