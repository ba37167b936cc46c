/**
 * A Debian with systemd in namespaces of its own: as near to a server as a process comes. Nothing
 * of it is on this machine's network, and nothing is left of it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand } from '../../../test/e2e/harness/run-command.ts'
import { until } from '../../../test/e2e/harness/until.ts'

const installTimeoutMs = 600_000
const commandTimeoutMs = 180_000
const endTimeoutMs = 60_000
const boot = join(import.meta.dirname, 'boot-systemd.sh')
const environment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', TERM: 'dumb' }
/** A control group of its own, where version 2 is mounted. */
const cgroupRoots = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified']

export class DebianMachine implements AsyncDisposable {
  readonly root: string
  readonly #unshare: ChildProcess
  readonly #pid: number
  readonly #cgroup: string

  private constructor(
    root: string,
    running: { unshare: ChildProcess; pid: number; cgroup: string },
  ) {
    this.root = root
    this.#unshare = running.unshare
    this.#pid = running.pid
    this.#cgroup = running.cgroup
  }

  /** @returns Why there can be none here; null when there can. */
  static unavailable(): string | null {
    if (process.getuid?.() !== 0) return 'it needs root'
    if (!existsSync('/usr/sbin/debootstrap')) return 'it needs debootstrap'
    return cgroupRoot() === null ? 'it needs control groups of version 2' : null
  }

  /** Installs Debian into the folder `root`, which it makes, and boots it. */
  static async boot(root: string): Promise<DebianMachine> {
    const include = '--include=systemd,systemd-sysv,ca-certificates'
    await mustRun(['debootstrap', '--variant=minbase', include, 'bookworm', root], installTimeoutMs)
    const cgroup = join(cgroupRoot() ?? '', `viaduct-debian-${process.pid}`)
    mkdirSync(cgroup)
    const enter = 'echo $$ > "$1/cgroup.procs"; shift; exec "$@"'
    const namespaces = [
      'unshare',
      '--pid',
      '--mount',
      '--cgroup',
      '--uts',
      '--ipc',
      '--net',
      '--fork',
    ]
    const words = ['-c', enter, 'sh', cgroup, ...namespaces, 'sh', boot, root]
    const unshare = spawn('sh', words, { stdio: ['ignore', 'ignore', 'inherit'] })
    const pid = await until(() => firstChild(unshare.pid ?? 0), {
      what: 'the namespaces are there',
    })
    const machine = new DebianMachine(root, { unshare, pid, cgroup })
    await until(async () => (await machine.try('systemctl', 'is-system-running')).code === 0, {
      what: 'systemd is running',
      timeoutMs: endTimeoutMs,
    })
    return machine
  }

  /** Words that put a command of this machine onto the other's network. */
  get network(): readonly string[] {
    return ['nsenter', '--net', `--target=${this.#pid}`]
  }

  /** @throws {Error} With what it printed, unless it ends with 0. */
  async run(...command: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.try(...command)
    if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}:\n${stdout}${stderr}`)
    return stdout
  }

  async try(...command: string[]): ReturnType<typeof runCommand> {
    const spaces = ['--pid', '--mount', '--cgroup', '--uts', '--ipc', '--net']
    const enter = ['nsenter', `--target=${this.#pid}`, ...spaces, 'chroot', this.root]
    const options = { cwd: '/', env: environment, timeoutMs: commandTimeoutMs }
    return runCommand([...enter, ...command], options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#unshare, 'exit')
    // The first process of a namespace takes all others of it along.
    process.kill(this.#pid, 'SIGKILL')
    await ended
    await until(() => removeGroup(this.#cgroup), { what: `${this.#cgroup} is empty` })
    await rm(this.root, { recursive: true, force: true })
  }
}

function cgroupRoot(): string | null {
  return cgroupRoots.find((root) => existsSync(join(root, 'cgroup.controllers'))) ?? null
}

async function firstChild(pid: number): Promise<number | null> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  const [first] = children.trim().split(' ')
  return first ? Number(first) : null
}

/** With those that systemd left below it, from the innermost. */
function removeGroup(path: string): true {
  const entries = readdirSync(path, { recursive: true, withFileTypes: true })
  const groups = entries.filter((entry) => entry.isDirectory())
  const paths = groups.map(({ parentPath, name }) => join(parentPath, name))
  for (const each of [path, ...paths].toSorted((a, b) => b.length - a.length)) rmdirSync(each)
  return true
}

async function mustRun(command: [string, ...string[]], timeoutMs: number): Promise<void> {
  const options = { cwd: '/', env: environment, timeoutMs }
  const { code, stdout, stderr } = await runCommand(command, options)
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}:\n${stdout}${stderr}`)
}
