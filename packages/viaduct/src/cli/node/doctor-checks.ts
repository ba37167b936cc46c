/**
 * What `viaduct doctor` looks at on this machine, one function per question. They read; none
 * changes anything. The answer to each says what it means, and what to do when it is not good.
 */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { availableParallelism, freemem, totalmem } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { messageOf } from '../../model/app-error.ts'
import { findNpm } from '../../build/builders/node/find-npm.ts'
import { findUntraversable } from '../../settings/check-traversable.ts'
import type { Settings } from '../../settings/settings.ts'
import { renderBytes } from '../output/render-amounts.ts'

export interface Finding {
  readonly check: string
  /** `warn` costs comfort or safety; `bad` means that `viaduct up` will not work well. */
  readonly level: 'good' | 'warn' | 'bad'
  readonly message: string
  /** What to do; empty when there is nothing to do. */
  readonly hint: string
}

type Level = Finding['level']

function finding(check: string, level: Level, says: { message: string; hint: string }): Finding {
  return { check, level, ...says }
}

function good(check: string, message: string): Finding {
  return { check, level: 'good', message, hint: '' }
}

export function checkNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const ok = major > 24 || (major === 24 && minor >= 20)
  const text = `Node.js ${process.versions.node}, ${availableParallelism()} cores`
  if (ok) return good('node', text)
  return finding('node', 'bad', { message: text, hint: 'Install Node.js 24.20 or newer.' })
}

/** The platform itself takes about 110 MB; apps come on top. */
export function checkMemory(): Finding {
  const free = availableMemory()
  const text = `${renderBytes(free)} free of ${renderBytes(totalmem())}`
  if (free > 400e6) return good('memory', text)
  const hint = 'The platform takes about 110 MB, and a deploy runs the new release beside the old.'
  return finding('memory', free > 150e6 ? 'warn' : 'bad', { message: text, hint })
}

function availableMemory(): number {
  try {
    const match = /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))
    return match ? Number(match[1]) * 1_024 : freemem()
  } catch {
    // Not Linux; the pages of the file cache then count as used.
    return freemem()
  }
}

/** Space and inodes where the data directory is, or will be. */
export async function checkDisk(dataDir: string): Promise<Finding> {
  const { bavail, bsize, ffree, files } = await statfs(firstExisting(dataDir))
  const free = bavail * bsize
  const text = `${renderBytes(free)} free for ${dataDir}`
  if (files > 0 && ffree / files < 0.02) {
    const hint = 'Remove files: each takes an inode.'
    return finding('disk', 'bad', { message: `${text}, but no inodes`, hint })
  }
  if (free > 2e9) return good('disk', text)
  const hint = 'Each release keeps its files; five releases per app are kept.'
  return finding('disk', free > 300e6 ? 'warn' : 'bad', { message: text, hint })
}

/** Whether the port can be bound, which a running platform of ours has done already. */
export async function checkPort(
  check: string,
  options: { host: string; port: number; running: boolean },
): Promise<Finding> {
  const { host, port, running } = options
  const error = await tryListen(host, port)
  const flag = check === 'http port' ? '--http-port' : '--api-port'
  if (error === null) {
    return good(check, `${port} is free`)
  }
  if (error.code === 'EADDRINUSE') {
    if (running) return good(check, `${port} is Viaduct's`)
    const hint = `Stop what listens there, or start with "viaduct up ${flag} N".`
    return finding(check, 'bad', { message: `${port} on ${host} is taken`, hint })
  }
  const hint =
    error.code === 'EACCES'
      ? `Ports below ${firstFreePort()} need root (sysctl net.ipv4.ip_unprivileged_port_start).`
      : `Choose another address with --host or --api-host, or another port with ${flag}.`
  const message = `${port} on ${host} cannot be used: ${error.message}`
  return finding(check, 'bad', { message, hint })
}

function tryListen(host: string, port: number): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', resolve)
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)))
  })
}

function firstFreePort(): string {
  return readText('/proc/sys/net/ipv4/ip_unprivileged_port_start') ?? '1024'
}

/** Killing every descendant of an app is sure only with a cgroup v2 (or a PID namespace). */
export function checkCgroup(): Finding {
  for (const root of ['/sys/fs/cgroup', '/sys/fs/cgroup/unified']) {
    if (!existsSync(join(root, 'cgroup.controllers'))) continue
    if (isWritable(root)) return good('cgroup', `cgroup v2 at ${root}, writable`)
    const hint = 'Run as root, or as a systemd service with Delegate=yes.'
    const message = `cgroup v2 at ${root} is read-only for this user`
    return finding('cgroup', 'warn', { message, hint })
  }
  const hint = 'Processes are then ended by their group and a scan for strays.'
  return finding('cgroup', 'warn', { message: 'no cgroup v2', hint })
}

/** Under root each app is a user of its own. */
export function checkIsolation(): Finding {
  if (process.getuid?.() === 0) {
    return good('isolation', 'root: each app runs under a user id of its own')
  }
  const hint =
    'Apps can read each other and the platform, and "limits.processes" is not kept. Run as root.'
  const message = 'not isolated: every app runs as this user'
  return finding('isolation', 'warn', { message, hint })
}

/** A PID 1 that does not collect the dead leaves a zombie for each killed process. */
export function checkInit(): Finding {
  const name = readText('/proc/1/comm') ?? 'unknown'
  const inits = ['systemd', 'init', 'tini', 'docker-init', 'dumb-init', 'runit', 's6-svscan']
  const reaps = [...inits, 'catatonit', 'openrc-init', 'launchd'].includes(name)
  if (reaps) return good('init', `PID 1 is ${name}`)
  const hint = 'In a container, start it with an init: docker run --init.'
  const message = `PID 1 is "${name}", which may not collect dead processes`
  return finding('init', 'warn', { message, hint })
}

/** Apps run under other user ids: each directory above their files must let them pass. */
export function checkTraversable(check: string, path: string): Finding {
  if (process.getuid?.() !== 0) return good(check, path)
  const blocked = findUntraversable(path)
  if (blocked === null) return good(check, path)
  const hint = `Choose another place, or: chmod o+x ${blocked}`
  const message = `${path}: the users of apps may not enter ${blocked}`
  return finding(check, 'bad', { message, hint })
}

/** The npm that builds would run. */
async function checkNpm(): Promise<Finding> {
  const forOtherUsers = process.getuid?.() === 0
  const npm = await findNpm({ node: process.execPath, env: process.env, forOtherUsers })
  if (npm) return good('npm', `${npm.version} at ${npm.cli}`)
  const readable = forOtherUsers ? ' that the users of apps can read' : ''
  const hint = 'Apps with dependencies of Node.js need it for their build.'
  return finding('npm', 'bad', { message: `there is no npm${readable}`, hint })
}

function checkGit(): Finding {
  const path = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((directory) => join(directory, 'git'))
    .find((file) => isExecutable(file))
  if (path) return good('git', path)
  const hint = 'Apps whose code is fetched from a repository need it.'
  return finding('git', 'warn', { message: 'git is not in PATH', hint })
}

/** With it a keeper that lost all its proxies binds the ports again without a lost connection. */
export function checkMigrateRequests(): Finding {
  const value = readText('/proc/sys/net/ipv4/tcp_migrate_req')
  if (value === '1') return good('tcp_migrate_req', 'on')
  const hint = 'As root: sysctl net.ipv4.tcp_migrate_req=1. It matters only when all proxies die.'
  const message = value === null ? 'not known here' : 'off'
  return finding('tcp_migrate_req', 'good', { message, hint })
}

/** @param settings As `up` would have them. @param options.running Its ports are then its own. */
export async function checkMachine(
  settings: Settings,
  options: { running: boolean },
): Promise<Finding[]> {
  const { host, httpPort, httpsPort, apiHost, apiPort, dataDir } = settings
  const { running } = options
  return [
    checkNode(),
    checkMemory(),
    await attempt('disk', () => checkDisk(dataDir)),
    await checkPort('http port', { host, port: httpPort, running }),
    ...(httpsPort === null
      ? []
      : [await checkPort('https port', { host, port: httpsPort, running })]),
    await checkPort('api port', { host: apiHost, port: apiPort, running }),
    checkIsolation(),
    checkTraversable('data directory', dataDir),
    checkTraversable('node binary', process.execPath),
    checkCgroup(),
    checkInit(),
    await checkNpm(),
    checkGit(),
    checkMigrateRequests(),
  ]
}

async function attempt(check: string, look: () => Promise<Finding>): Promise<Finding> {
  try {
    return await look()
  } catch (error) {
    return finding(check, 'warn', { message: `cannot be read: ${messageOf(error)}`, hint: '' })
  }
}

function firstExisting(path: string): string {
  let at = path
  while (!existsSync(at) && at !== dirname(at)) at = dirname(at)
  return at
}

function isWritable(path: string): boolean {
  return hasAccess(path, constants.W_OK)
}

function isExecutable(path: string): boolean {
  return hasAccess(path, constants.X_OK)
}

function hasAccess(path: string, mode: number): boolean {
  try {
    accessSync(path, mode)
    return true
  } catch {
    // Absent or not allowed: no access either way.
    return false
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    // Not on this kernel.
    return null
  }
}
