/**
 * Servers and tools that benchmarks and tests compare with (nginx, wrk …), without installing
 * anything: `apt-get download` and `dpkg -x` into a cache folder, with the libraries they need.
 *
 * Works as root and as a user, and starts nothing. Where there is no apt the answer is null and a
 * loud line on stderr: the caller skips.
 */
import { execFile } from 'node:child_process'
import { access, constants, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export type DebianToolName =
  | 'nginx'
  | 'wrk'
  | 'haproxy'
  | 'caddy'
  | 'pebble'
  | 'h2load'
  | 'slowhttptest'
  | 'prometheus'
  | 'php8.2'

/** Where its package has another name. */
const packages: Partial<Record<DebianToolName, string>> = {
  h2load: 'nghttp2-client',
  'php8.2': 'php8.2-cli',
}

export interface DebianTool {
  /** Absolute path of the executable. */
  readonly command: string
  /** To be added to the environment of the child: LD_LIBRARY_PATH, when it needs one. */
  readonly env: Record<string, string>
}

/** Fetching lists or packages from a mirror takes seconds; a dead mirror must not take for ever. */
const aptTimeoutMs = 180_000

/**
 * Finds a tool on the machine or in the cache, else downloads it into the cache.
 *
 * @returns null when it cannot be had here; the reason was printed.
 */
export async function debianTool(name: DebianToolName): Promise<DebianTool | null> {
  const installed = await findExecutable(
    [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'],
    name,
  )
  if (installed) return { command: installed, env: {} }
  const cache = await cacheFolder()
  const root = join(cache, name)
  try {
    return (await toolAt(root, name)) ?? (await fetchTool(cache, name))
  } catch (error) {
    return skipped(name, error)
  }
}

/**
 * The machine's own Python with a Debian package of modules, e.g. `python3-grpcio`.
 *
 * @param module To be imported, to see that it works.
 * @returns null as above.
 */
export async function debianPython(name: string, module: string): Promise<DebianTool | null> {
  const cache = await cacheFolder()
  const root = join(cache, name)
  try {
    return (await pythonAt(root, module)) ?? (await fetchPython({ cache, name, module }))
  } catch (error) {
    return skipped(name, error)
  }
}

function skipped(name: string, error: unknown): null {
  const reason = error instanceof Error ? error.message.trim() : String(error)
  process.stderr.write(`\n*** SKIPPED: ${name} cannot be had here: ${reason}\n\n`)
  return null
}

async function fetchPython(options: {
  cache: string
  name: string
  module: string
}): Promise<DebianTool> {
  const { cache, name, module } = options
  await fetchPackage(cache, { name, wanted: name })
  const tool = await pythonAt(join(cache, name), module)
  if (!tool) throw new Error(`/usr/bin/python3 cannot import ${module} of it`)
  return tool
}

/** Debian's modules are made for Debian's Python. */
async function pythonAt(root: string, module: string): Promise<DebianTool | null> {
  const command = '/usr/bin/python3'
  const modules = join(root, 'usr/lib/python3/dist-packages')
  const env = { LD_LIBRARY_PATH: await libraryPath(root), PYTHONPATH: modules }
  const options = { env: { ...process.env, ...env }, timeout: aptTimeoutMs }
  const works = await run(command, ['-c', `import ${module}`], options).then(
    () => true,
    () => false, // No Python, another version of it, or nothing in the cache.
  )
  return works ? { command, env } : null
}

async function fetchTool(cache: string, name: DebianToolName): Promise<DebianTool> {
  await fetchPackage(cache, { name, wanted: packages[name] ?? name })
  const tool = await toolAt(join(cache, name), name)
  if (!tool) throw new Error('its packages hold no such executable')
  const libraries = await run('ldd', [tool.command], {
    env: { ...process.env, ...tool.env },
  }).catch(
    () => ({ stdout: '' }), // A static executable (caddy) makes ldd fail.
  )
  if (!libraries.stdout.includes('not found')) return tool
  throw new Error(`libraries are missing:\n${libraries.stdout}`)
}

/** Puts a package and its libraries into the folder `name` of the cache. */
async function fetchPackage(
  cache: string,
  { name, wanted }: { name: string; wanted: string },
): Promise<void> {
  const apt = await aptOptions(cache, wanted)
  const staging = await mkdtemp(join(cache, `${name}-`))
  try {
    const needed = await packagesOf(apt, wanted)
    const options = { cwd: staging, timeout: aptTimeoutMs }
    await run('apt-get', [...apt, '-q', 'download', ...needed], options)
    const unpacked = join(staging, 'root')
    for (const file of await readdir(staging)) {
      if (file.endsWith('.deb')) await run('dpkg', ['-x', file, unpacked], options)
    }
    // Another process may have been faster; its result is as good.
    await rename(unpacked, join(cache, name)).catch(() => undefined)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

/** Uses the machine's package lists, or private ones when it has none. */
async function aptOptions(cache: string, name: string): Promise<string[]> {
  const memory = ['-o', 'Dir::Cache::pkgcache=', '-o', 'Dir::Cache::srcpkgcache=']
  if (await knows(memory, name)) return memory
  const state = join(cache, 'apt-state')
  await mkdir(join(state, 'lists', 'partial'), { recursive: true })
  const own = [
    ...memory,
    '-o',
    `Dir::State::lists=${join(state, 'lists')}`,
    '-o',
    `Dir::Cache::archives=${state}`,
    '-o',
    // As root apt would drop to its own user, which may not write here.
    'APT::Sandbox::User=root',
  ]
  if (await knows(own, name)) return own
  await run('apt-get', [...own, '-q', 'update'], { timeout: aptTimeoutMs })
  if (await knows(own, name)) return own
  throw new Error('apt has no such package')
}

async function knows(apt: readonly string[], name: string): Promise<boolean> {
  const arguments_ = [...apt, '--no-all-versions', 'show', name]
  return await run('apt-cache', arguments_, { timeout: aptTimeoutMs }).then(
    ({ stdout }) => stdout.includes('Package:'),
    (error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
        throw new Error('this machine has no apt', { cause: error })
      }
      return false // apt answers an unknown package with an exit code.
    },
  )
}

/** The package and every library below it that the machine does not have. */
async function packagesOf(apt: readonly string[], name: string): Promise<string[]> {
  const wanted = new Set<string>([name])
  for (const packageName of wanted) {
    const { stdout } = await run('apt-cache', [...apt, 'depends', '--important', packageName], {
      timeout: aptTimeoutMs,
    })
    for (const [, dependency] of stdout.matchAll(/^ [ |](?:Pre)?Depends: (\S+)$/gm)) {
      if (!dependency || wanted.has(dependency)) continue
      if (!/^(lib(?!js-)|zlib|nginx-core|python3-)/.test(dependency)) continue
      if (!(await isInstalled(dependency))) wanted.add(dependency)
    }
  }
  return [...wanted]
}

async function isInstalled(packageName: string): Promise<boolean> {
  return await run('dpkg-query', ['-W', '-f', '${db:Status-Status}', packageName]).then(
    ({ stdout }) => stdout === 'installed',
    () => false, // dpkg-query fails for a package it never heard of.
  )
}

async function toolAt(root: string, name: string): Promise<DebianTool | null> {
  const command = await findExecutable([join(root, 'usr/sbin'), join(root, 'usr/bin')], name)
  if (!command) return null
  return { command, env: { LD_LIBRARY_PATH: await libraryPath(root) } }
}

async function libraryPath(root: string): Promise<string> {
  const folders: string[] = []
  for (const folder of ['lib', 'usr/lib']) {
    const path = join(root, folder)
    const entries = await readdir(path).catch(() => []) // Not every package has libraries.
    folders.push(path, ...entries.filter((e) => e.includes('-linux-')).map((e) => join(path, e)))
  }
  return folders.join(':')
}

async function findExecutable(folders: readonly string[], name: string): Promise<string | null> {
  for (const folder of folders) {
    const path = join(folder, name)
    if (folder !== '' && (await isExecutable(path))) return path
  }
  return null
}

async function isExecutable(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    async () => (await stat(path)).isFile(),
    () => false,
  )
}

/** Beside the dependencies when that can be written, else in the user's own cache. */
async function cacheFolder(): Promise<string> {
  const modules = join(import.meta.dirname, '..', 'node_modules')
  const own = process.env.XDG_CACHE_HOME || join(homedir(), '.cache')
  const writable = await access(modules, constants.W_OK).then(
    () => true,
    () => false,
  )
  const folder = writable ? join(modules, '.cache', 'viaduct-tools') : join(own, 'viaduct-tools')
  await mkdir(folder, { recursive: true })
  return folder
}
