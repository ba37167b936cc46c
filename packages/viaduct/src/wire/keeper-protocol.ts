/**
 * What the daemon says to the keeper over `run/keeper.sock`, and what the keeper tells it.
 *
 * The keeper knows processes, not apps: `labels` are the daemon's, kept and given back as they are.
 * A process is either an instance of an app or a job (a build command); both run under the shim.
 */
import type { InstanceExit } from '../model/instance.ts'
import type { DirectMode } from '../model/routing/own-port.ts'

/** How to start one process. `id` is new, but for a repeated call; it names `run/i/ID`. */
export interface ProcessSpec {
  readonly id: string
  /** The user's own shell line, run by `sh -c`. The only shell string there is. */
  readonly command: string
  readonly cwd: string
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>
  /** null: the platform's own user. The keeper refuses uid 0 when it is root itself. */
  readonly uid: number | null
  readonly gid: number | null
  /** Nice value 0 to 19; builds run at 10. */
  readonly nice: number
  /** Absolute path of the file that its lines go to, with the stamp `TIME SOURCE STREAM`. */
  readonly logFile: string
  /** The source in the stamp, e.g. `web.1`; `[A-Za-z0-9_.-]+`. */
  readonly logSource: string
  /**
   * Gives it a message bus: a unix socket (`VIADUCT_SOCKET`), and a Node.js IPC channel as fd 3
   * (`NODE_CHANNEL_FD`), whose far end the shim holds too.
   */
  readonly ipc: boolean
  /** It accepts on this own port itself: it gets the socket, as descriptor 3. */
  readonly direct?: { readonly port: number; readonly mode: DirectMode }
  /** What the kernel keeps it to; what is not said is not limited. */
  readonly limits?: ProcessLimits
  /** Emits `output` events as well as writing the log; for jobs that a user watches. */
  readonly emitOutput: boolean
  /** Goes into the log before its lines, and how it ended after them: `npm ci`. One line. */
  readonly title?: string
  /** From SIGTERM to SIGKILL when the keeper itself stops; a call of `stop` says its own. */
  readonly stopTimeoutMs: number
  readonly labels: Readonly<Record<string, string | number>>
}

export interface ProcessLimits {
  /** Of each of its processes. */
  readonly openFiles?: number
  /** Processes and threads of its user, whatever instance they are of. Needs a `uid`. */
  readonly userProcesses?: number
}

export interface ProcessInfo {
  readonly id: string
  /** The shim; its process group holds the app. */
  readonly pid: number
  readonly startedAt: number
  /** True when an earlier keeper started it: its IPC channel is lost. */
  readonly adopted: boolean
  readonly labels: Readonly<Record<string, string | number>>
  /** `stop` was called: it is being ended, or has been. */
  readonly stopping: boolean
  /** What it said last about being ready, over its message bus; null when nothing. */
  readonly said: unknown
  /** Set when it has exited and `forget` has not been called. */
  readonly exit: InstanceExit | null
}

/** What an app that accepts on a port itself says of that (`direct: "node"`). */
export interface DirectState {
  /** It listens on its private port. */
  readonly listens: boolean
  /** It accepts on the public one. */
  readonly accepts: boolean
  /** Public connections. */
  readonly open: number
}

export interface ProxyInfo {
  /** 0 … N-1 */
  readonly slot: number
  readonly pid: number
  /** Unix socket of the proxy's control server, see `proxy-protocol.ts`. */
  readonly socket: string
}

export interface KeeperState {
  readonly processes: readonly ProcessInfo[]
  readonly proxies: readonly ProxyInfo[]
  /** Ports of apps that are open. */
  readonly ownPorts: readonly number[]
}

/** @see openRpcServer */
export type KeeperCalls = {
  /**
   * Everything that lives or has exited unforgotten, also what a daemon that died meanwhile asked
   * for last. The first call of a new daemon.
   */
  list: { args: null; result: KeeperState }
  /**
   * Resolves when the shim runs and its row is on disk. Idempotent by id.
   * Errors: `spawn-failed` (nothing is left behind).
   */
  start: { args: ProcessSpec; result: ProcessInfo }
  /**
   * Winds down and ends all of a process: a word over its bus, SIGTERM, `stopTimeoutMs` later
   * SIGKILL to every descendant. Resolves when all are gone; idempotent; `not-found` for an unknown
   * id.
   * Call it with a limit above the one in the arguments (`answerMarginMs`).
   */
  stop: { args: { id: string; stopTimeoutMs: number }; result: InstanceExit }
  /** Drops the row and directory of an exited process. Idempotent. */
  forget: { args: { id: string }; result: null }
  /**
   * Binds a port of an app's own, so that proxies and instances can be given it. Idempotent.
   * `again`: it was open before, and whoever has it may still listen. Errors: `port-taken`.
   */
  openPort: { args: { port: number; again: boolean }; result: null }
  /** Lets go of it; who has it keeps it. Idempotent. */
  closePort: { args: { port: number }; result: null }
  /**
   * Speaks with an app that accepts on a port itself: `accept`, from now on it does; `leave`, it
   * does not, and this resolves when its public connections are closed, at most `timeoutMs` later,
   * with those that are left. null: nobody there understands that.
   */
  direct: {
    args: { id: string; ask: 'state' | 'accept' | 'leave'; timeoutMs: number }
    result: DirectState | null
  }
  /** Sends a value over its message bus. @returns false when nobody is there. */
  send: { args: { id: string; message: unknown }; result: boolean }
  /**
   * pids of the process and all its living descendants (group, cgroup and strays). That the app has
   * opened its message bus is told before, if it did so before this was asked.
   */
  pids: { args: { id: string }; result: number[] }
}

export type KeeperEvents = {
  exited: { id: string; exit: InstanceExit }
  /** A value that the app sent over its message bus. */
  message: { id: string; message: unknown }
  /** One stamped-free line; only for `emitOutput`. */
  output: { id: string; stream: 'stdout' | 'stderr'; line: string }
  /** The set of proxy workers changed (one was started again). */
  proxies: readonly ProxyInfo[]
}
