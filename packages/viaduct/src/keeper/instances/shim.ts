/**
 * The half-megabyte `sh` between the keeper and an app. It keeps the exit code, the log pipes and a
 * copy of the IPC channel until the keeper acknowledges, so that a keeper may die at any instant.
 *
 * It runs as the app's own user: an app that meddles with its shim harms itself only. It opens no
 * path; all it needs are inherited descriptors:
 *
 *   0 "go" from the keeper (end of file: it died first, so nothing is started, as `exit` then says)
 *   1, 2 the FIFOs   3 the app's IPC end, or nothing   4 the far IPC end, held
 *   5 the exit file  6 the FIFO with the acknowledgement
 *   7 a public socket, and 8 a bound unix socket, for an app that accepts itself
 *
 * Such an app gets them as 3, where systemd's protocol wants the first one, and 4; its IPC end is
 * 5.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { AppError, messageOf } from '../../model/app-error.ts'
import { spawnTimeoutMs } from '../../model/limits.ts'
import type { DirectMode } from '../../model/routing/own-port.ts'

// The traps do nothing but must be there: the shim outlives the SIGTERM that its group gets, while
// an ignored signal would be inherited by the app. `read` returns early when a signal came.
const script = `
umask 022
trap : TERM INT HUP
read -r _ || { echo none >&5; exit 0; }
exec </dev/null
mode=$2
shift 2
case $mode in
  ipc) "$@" 4>&- 5>&- 6>&- ;;
  direct) "$@" 9<&3 3<&7 4<&8 5<&9 6>&- 7<&- 8<&- 9<&- ;;
  *) "$@" 3>&- 4>&- 5>&- 6>&- ;;
esac
code=$?
read -r uptime _ </proc/uptime
echo "$code $uptime" >&5
until read -r _ <&6; do :; done
`

/** No program of the machine that is setuid, e.g. sudo, gives an app of a user of its own more. */
const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))

export interface ShimOptions {
  readonly id: string
  /** What it runs, e.g. `['sh', '-c', LINE]`: arguments, never part of the shim's own script. */
  readonly argv: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly uid: number | null
  readonly gid: number | null
  readonly stdout: number
  readonly stderr: number
  readonly exitFile: number
  readonly ack: number
  readonly ipc: { app: number; far: number } | null
  /** Path of its message bus. */
  readonly bus: string | null
  /** null: its connections come from a proxy. */
  readonly direct: { mode: DirectMode; listener: number; control: number } | null
}

export interface Shim {
  readonly process: ChildProcess
  readonly pid: number
  /** Lets it start the app. Until then it can be placed, e.g. in a control group. */
  go(): void
}

/**
 * Starts a shim, as leader of a session and group of its own, that waits for `go`.
 *
 * @throws {AppError} `spawn-failed`; nothing runs then.
 */
export async function spawnShim(options: ShimOptions): Promise<Shim> {
  const { id, uid, gid, ipc, direct } = options
  const mode = direct ? 'direct' : ipc ? 'ipc' : '-'
  const shell = ['/bin/sh', '-c', script, 'viaduct-shim', id, mode, ...argvOf(options)]
  const words = uid !== null && setpriv ? [setpriv, '--no-new-privs', ...shell] : shell
  const child = spawn(words[0] ?? '', words.slice(1), {
    cwd: options.cwd,
    env: shimEnv(options),
    detached: true,
    stdio: [
      'pipe',
      options.stdout,
      options.stderr,
      ipc?.app ?? 'ignore',
      ipc?.far ?? 'ignore',
      options.exitFile,
      options.ack,
      ...(direct ? [direct.listener, direct.control] : []),
    ],
    ...(uid !== null && { uid, gid: gid ?? uid }),
  })
  const pid = await spawned(child, options)
  child.stdin?.on('error', () => undefined) // It died before `go`; its exit tells.
  child.unref() // A keeper that leaves does not wait for it.
  return { process: child, pid, go: () => child.stdin?.end('go\n') }
}

/** systemd's protocol wants the pid of the very process, which only a shell can say before it. */
function argvOf({ argv, direct }: ShimOptions): readonly string[] {
  if (direct?.mode !== 'listen-fds') return argv
  return ['/bin/sh', '-c', 'LISTEN_PID=$$ exec "$@"', 'sh', ...argv]
}

function shimEnv({ id, env, ipc, bus, direct }: ShimOptions): Record<string, string> {
  const named = { VIADUCT_INSTANCE: id, ...(bus !== null && { VIADUCT_SOCKET: bus }) }
  const own = { ...env, ...named, ...(direct && directEnv[direct.mode]) }
  if (!ipc) return own
  const end = direct ? '5' : '3'
  return { ...own, NODE_CHANNEL_FD: end, NODE_CHANNEL_SERIALIZATION_MODE: 'json' }
}

const directEnv = {
  node: { VIADUCT_DIRECT: '1' },
  'listen-fds': { LISTEN_FDS: '1', LISTEN_FDNAMES: 'public' },
} as const

function spawned(child: ChildProcess, options: ShimOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown): void => {
      clearTimeout(timer)
      child.kill('SIGKILL')
      const { id, cwd, uid } = options
      const who = uid === null ? '' : ` as uid ${uid}`
      const message = `${id} does not start in ${cwd}${who}: ${why}`
      reject(new AppError('spawn-failed', message, { cause, data: { instance: id, cwd } }))
    }
    const timer = setTimeout(() => fail(`no process in ${spawnTimeoutMs} ms`), spawnTimeoutMs)
    child.once('error', (error) => fail(messageOf(error), error))
    child.once('spawn', () => {
      clearTimeout(timer)
      if (child.pid === undefined) fail('no pid')
      else resolve(child.pid)
    })
  })
}
