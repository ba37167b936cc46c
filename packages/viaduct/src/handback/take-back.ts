/**
 * Gets copies of listening sockets from another process (`serve-handback.ts`): the keeper those
 * that a living proxy has, a proxy those that the keeper has opened since.
 */
import { spawn } from 'node:child_process'
import { connect, type Server, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { handbackTimeoutMs, listenBacklog } from '../model/limits.ts'
import { isRawHandle, type RawHandle } from './socket-descriptor.ts'

/** A listening socket that is held and never accepted on. */
export interface HeldSocket {
  /** To be passed on as `stdio` of a child. */
  readonly fd: number
  /** Where it listens; null when the kernel does not say. */
  address(): { address: string; port: number } | null
  /** Has a server accept on it, which then closes it; `close` is not to be called any more. */
  listenWith(server: Server): void
  close(): void
}

export type TakeBackResult =
  | { readonly result: 'taken'; readonly sockets: Readonly<Record<string, HeldSocket>> }
  /** Nobody listens there (any more, or yet). */
  | { readonly result: 'nobody' }
  /** Somebody is there and does not answer: it hangs. */
  | { readonly result: 'expired' }

const takeEntry = fileURLToPath(
  new URL(`./take-entry${import.meta.url.slice(-3)}`, import.meta.url),
)

/**
 * Asks for all sockets that the other one has.
 *
 * @param options.path Its handback socket.
 * @param options.names Those without which the others are of no use.
 * @param options.timeoutMs Default `handbackTimeoutMs`.
 */
export async function takeBack(options: {
  path: string
  names: readonly string[]
  timeoutMs?: number
}): Promise<TakeBackResult> {
  const { path, names, timeoutMs = handbackTimeoutMs } = options
  const socket = await ask(path)
  if (!socket) return { result: 'nobody' }
  const taken = await receive(socket, names, timeoutMs)
  socket.destroy()
  if (names.every((name) => taken.has(name))) {
    const held = [...taken].map(([name, handle]) => [name, hold(handle)] as const)
    return { result: 'taken', sockets: Object.fromEntries(held) }
  }
  for (const handle of taken.values()) handle.close()
  return { result: 'expired' }
}

function hold(handle: RawHandle): HeldSocket {
  return {
    fd: handle.fd,
    address() {
      const out: { address?: string; port?: number } = {}
      const failed = handle.getsockname(out) !== 0
      if (failed || out.address === undefined || out.port === undefined) return null
      return { address: out.address, port: out.port }
    },
    listenWith: (server) => void server.listen(handle as never, listenBacklog),
    close: () => handle.close(),
  }
}

function ask(path: string): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.pause() // What comes is the helper's: a byte that is read here is lost to it.
    socket.once('error', () => resolve(null)) // Nobody there: an outcome, not a failure.
    socket.once('connect', () => resolve(socket))
  })
}

function receive(
  socket: Socket,
  names: readonly string[],
  timeoutMs: number,
): Promise<Map<string, RawHandle>> {
  const taken = new Map<string, RawHandle>()
  // The environment is set by sh, since "ipc" in stdio makes Node.js set the same variable for 3.
  const helper = spawn(
    '/bin/sh',
    ['-c', 'NODE_CHANNEL_FD=4 exec "$0" "$@"', process.execPath, takeEntry, ...names],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc', socket], env: {} },
  )
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer)
      helper.kill('SIGKILL')
      resolve(taken)
    }
    const timer = setTimeout(finish, timeoutMs)
    helper.on('error', finish)
    helper.on('exit', finish)
    helper.on('message', (message: unknown, handle: unknown) => {
      const { name, names: all } = message as { name: string; names: readonly string[] }
      if (!isRawHandle(handle)) return
      handle.unref()
      taken.set(name, handle)
      if (all.every((each) => taken.has(each))) finish()
    })
  })
}
