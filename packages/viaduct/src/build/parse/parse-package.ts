/**
 * Reads what Viaduct needs of `package.json`: name, start and build scripts, and whether there is
 * something to install. The rest of the file is npm's affair and is not checked.
 */
import { slugAppName } from '../../model/ids.ts'
import { type Located, badJson, readJson } from './read-json.ts'

const file = 'package.json'

export interface PackageFacts {
  /** Slugged to an app name (`@acme/web` → `web`); null when there is none that can be. */
  readonly appName: string | null
  /** Command of `scripts.start`. */
  readonly start: string | null
  readonly hasBuildScript: boolean
  /** `engines.node`, a range; null when there is none. */
  readonly nodeRange: string | null
  /** `packageManager`: `pnpm@9.15.0+sha512.…`; null when there is none. */
  readonly packageManager: string | null
  /** Lifecycle scripts that `npm ci` runs in the app itself. */
  readonly installScripts: Readonly<Record<string, string>>
  /** Dependency fields as they are there, for the key of the cache. */
  readonly dependencyFields: Readonly<Record<string, unknown>>
  readonly hasDependencies: boolean
  readonly hasDevDependencies: boolean
  readonly hasWorkspaces: boolean
}

const ownInstallScripts = [
  'preinstall',
  'install',
  'postinstall',
  'prepublish',
  'preprepare',
  'prepare',
  'postprepare',
]
const dependencyFieldNames = [
  'dependencies',
  'devDependencies',
  'optionalDependencies',
  'peerDependencies',
  'peerDependenciesMeta',
  'bundleDependencies',
  'bundledDependencies',
  'overrides',
  'engines',
  'os',
  'cpu',
  'workspaces',
  'allowScripts',
]

/** @throws {AppError} `bad-manifest` naming file, line and field. */
export function parsePackage(text: string): PackageFacts {
  const root = readJson(text, { file, comments: false })
  if (!root.members) throw badJson({ file, line: root.line }, 'It wants an object at the top')
  const scripts = membersOf(root, 'scripts')
  return {
    appName: slugAppName(textOf(root.members.get('name'), 'name') ?? ''),
    start: textOf(scripts.get('start'), 'scripts.start')?.trim() || null,
    hasBuildScript: Boolean(textOf(scripts.get('build'), 'scripts.build')),
    nodeRange: textOf(membersOf(root, 'engines').get('node'), 'engines.node')?.trim() || null,
    packageManager: textOf(root.members.get('packageManager'), 'packageManager'),
    installScripts: pick(scripts, ownInstallScripts) as Record<string, string>,
    dependencyFields: pick(root.members, dependencyFieldNames),
    hasDependencies:
      membersOf(root, 'dependencies').size > 0 ||
      membersOf(root, 'devDependencies').size > 0 ||
      membersOf(root, 'optionalDependencies').size > 0 ||
      root.members.has('workspaces'),
    hasDevDependencies: membersOf(root, 'devDependencies').size > 0,
    hasWorkspaces: root.members.has('workspaces'),
  }
}

function membersOf(at: Located, field: string): ReadonlyMap<string, Located> {
  const member = at.members?.get(field)
  if (!member) return new Map()
  if (member.members) return member.members
  throw badJson({ file, line: member.line }, `"${field}" wants an object`, { field })
}

function textOf(at: Located | undefined, field: string): string | null {
  if (!at) return null
  if (typeof at.value === 'string' && !at.value.includes('\0')) return at.value
  throw badJson({ file, line: at.line }, `"${field}" wants a string`, { field })
}

function pick(members: ReadonlyMap<string, Located>, names: readonly string[]) {
  const found = names.flatMap((name) => {
    const member = members.get(name)
    return member ? [[name, member.value] as const] : []
  })
  return Object.fromEntries(found)
}
