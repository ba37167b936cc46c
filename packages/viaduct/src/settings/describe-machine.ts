/** What the defaults depend on: cores, IPv6, and where this user's data directory would be. */
import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism, homedir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findUntraversable } from './check-traversable.ts'

export interface Machine {
  readonly cwd: string
  /** The root of the clone that this code runs from; null when it was installed as a package. */
  readonly clone: string | null
  readonly cores: number
  readonly hasIpv6: boolean
  /** The data directory when nobody says one. */
  readonly dataDir: string
  /** Why `dataDir` is not where one would look for it, else null. */
  readonly dataDirNotice: string | null
}

/** @param options Each default is what is true of this process; tests say other things. */
export function describeMachine(
  options: { cwd?: string; uid?: number; home?: string; clone?: string | null } = {},
): Machine {
  const cwd = options.cwd ?? process.cwd()
  const clone = options.clone === undefined ? findClone() : options.clone
  return {
    cwd,
    clone,
    cores: availableParallelism(),
    hasIpv6: existsSync('/proc/net/if_inet6'),
    ...defaultDataDir({
      cwd,
      clone,
      uid: options.uid ?? process.getuid?.() ?? -1,
      home: options.home ?? homedir(),
    }),
  }
}

function defaultDataDir(options: {
  cwd: string
  clone: string | null
  uid: number
  home: string
}): Pick<Machine, 'dataDir' | 'dataDirNotice'> {
  const { cwd, clone, uid, home } = options
  const elsewhere = uid === 0 ? '/var/lib/viaduct' : join(home, '.local', 'state', 'viaduct')
  if (clone === null || !isWithin(cwd, clone)) return { dataDir: elsewhere, dataDirNotice: null }
  // As root each app has a user of its own, who must be able to reach its files.
  const blocked = uid === 0 ? findUntraversable(clone) : null
  if (blocked === null) return { dataDir: join(clone, '.viaduct'), dataDirNotice: null }
  return {
    dataDir: elsewhere,
    dataDirNotice: `Data goes to ${elsewhere}: the users of the apps cannot enter ${blocked}`,
  }
}

function isWithin(path: string, directory: string): boolean {
  const way = relative(directory, path)
  return way === '' || (!way.startsWith('..') && !way.startsWith('/'))
}

function findClone(): string | null {
  let directory = dirname(fileURLToPath(import.meta.url))
  for (; directory !== dirname(directory); directory = dirname(directory)) {
    const manifest = join(directory, 'package.json')
    if (existsSync(manifest) && isWorkspace(readFileSync(manifest, 'utf8'))) return directory
  }
  return null
}

function isWorkspace(manifest: string): boolean {
  return /"name":\s*"viaduct-workspace"/.test(manifest)
}
