/**
 * Gives copies of listening sockets to whoever asks on a unix socket: a proxy to a keeper that was
 * started again, so that it gets the very same ones and no connection is refused; the keeper to
 * proxies that run, when an app got a port of its own.
 *
 * A descriptor can only leave over an IPC channel; a short-lived helper is started whose channel is
 * the connection itself. Nothing here accepts a client.
 */
import { spawn } from 'node:child_process'
import { chmod, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { handbackTimeoutMs } from '../model/limits.ts'

/** Path of `give-entry` as it is here: `.ts` from source, `.js` when compiled. */
export const giveEntry = fileURLToPath(
  new URL(`./give-entry${import.meta.url.slice(-3)}`, import.meta.url),
)

/** By name. */
type Descriptors = Readonly<Record<string, number>>

export interface HandbackServer extends AsyncDisposable {
  readonly path: string
}

/**
 * @param options.path Unix socket, at most 107 bytes; a file that is there is replaced.
 * @param options.fds Name → descriptor of a listening socket of this process, e.g. `{ http: 3 }`.
 *   They stay open for as long as the server does. As a function: those that there are now.
 */
export async function serveHandback(options: {
  path: string
  fds: Descriptors | (() => Descriptors)
}): Promise<HandbackServer> {
  const { path, fds } = options
  await rm(path, { force: true })
  // The connection is the request. It must never be read here: what comes is the helper's.
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on('error', () => socket.destroy()) // Whoever asked went away; it will ask again.
    give(socket, typeof fds === 'function' ? fds() : fds)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => resolve())
  })
  await chmod(path, 0o600)
  server.unref()
  return {
    path,
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

function give(socket: Socket, fds: Descriptors): void {
  const names = Object.keys(fds)
  const helper = spawn(process.execPath, [giveEntry, ...names], {
    stdio: ['ignore', 'inherit', 'inherit', socket, ...Object.values(fds)],
    env: { NODE_CHANNEL_FD: '3', NODE_CHANNEL_SERIALIZATION_MODE: 'json' },
  })
  // Its own timer does not run when it hangs in its start; whoever asked has given up by then.
  const timer = setTimeout(() => helper.kill('SIGKILL'), handbackTimeoutMs)
  const finish = (): void => {
    clearTimeout(timer)
    socket.destroy()
  }
  helper.on('error', finish)
  helper.on('exit', finish)
}
