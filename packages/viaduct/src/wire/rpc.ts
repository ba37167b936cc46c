/**
 * Calls, answers and events over one unix socket.
 *
 * `{ id, call, args }` is answered by `{ id, ok }` or `{ id, error: { code, message, hint, data }
 * }`;
 * `{ event, data }` goes from the server to every client. Answers may come in any order.
 */
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { AppError, messageOf } from '../model/app-error.ts'
import { type ErrorCode, errorCatalogue } from '../model/error-catalogue.ts'
import { wireCallTimeoutMs } from '../model/limits.ts'
import { readMessages, sendMessage } from './framing.ts'

/** Call name → argument and result, as plain JSON values. */
export type Calls = Record<string, { args: unknown; result: unknown }>
/** Event name → data, as plain JSON values. */
export type Events = Record<string, unknown>

/** How a server answers each call. A thrown `AppError` reaches the caller as an `AppError`. */
export type Handlers<C extends Calls> = {
  readonly [K in keyof C]: (args: C[K]['args']) => Promise<C[K]['result']> | C[K]['result']
}

export interface RpcServer<E extends Events> {
  /** Sends an event to every client that is connected now. */
  emit<K extends keyof E & string>(event: K, data: E[K]): void
  /** Closes the socket file and every connection. */
  close(): Promise<void>
}

export interface RpcClient<C extends Calls> {
  /**
   * @param options.timeoutMs Default `wireCallTimeoutMs`; Infinity waits for as long as the peer
   * lives.
   * @throws {AppError} What the handler threw, or `keeper-unreachable` when the peer went away or
   * ran out of time.
   */
  call<K extends keyof C & string>(
    name: K,
    args: C[K]['args'],
    options?: { timeoutMs?: number },
  ): Promise<C[K]['result']>
  close(): void
}

/**
 * Listens on `path` and answers calls.
 *
 * @param options.path Unix socket, at most 107 bytes. A file that is there is the caller's to
 * remove.
 * @throws {Error} System errors of listen, e.g. EADDRINUSE.
 */
export async function openRpcServer<C extends Calls, E extends Events>(options: {
  path: string
  handlers: Handlers<C>
  /** Called for each new client, e.g. to send it where things stand. */
  onClient?: (emit: <K extends keyof E & string>(event: K, data: E[K]) => void) => void
}): Promise<RpcServer<E>> {
  const clients = new Set<Socket>()
  const server = createServer((socket) => {
    clients.add(socket)
    socket.on('error', () => socket.destroy()) // The close that follows is what counts.
    socket.on('close', () => clients.delete(socket))
    readMessages(socket, (message) => void answer(socket, message, options.handlers))
    options.onClient?.((event, data) => sendMessage(socket, { event, data }))
  })
  await listen(server, options.path)
  return {
    emit(event, data) {
      for (const client of clients) sendMessage(client, { event, data })
    },
    async close() {
      // First no new clients, then those that are there: one that comes in between would stay.
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const client of clients) client.destroy()
      await closed
    },
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ path }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

async function answer<C extends Calls>(
  socket: Socket,
  message: unknown,
  handlers: Handlers<C>,
): Promise<void> {
  if (!isCall(message)) return void socket.destroy(new Error('Not a call'))
  const { id, call, args } = message
  try {
    const handler = Object.hasOwn(handlers, call) ? handlers[call] : undefined
    if (!handler) throw new AppError('internal', `There is no call ${JSON.stringify(call)}`)
    const ok = await handler(args)
    if (socket.writable) sendMessage(socket, { id, ok: ok ?? null })
  } catch (error) {
    if (socket.writable) sendError(socket, id, error)
  }
}

function sendError(socket: Socket, id: number, error: unknown): void {
  try {
    sendMessage(socket, { id, error: encodeError(error) })
  } catch {
    // Its data is not JSON, or too long: the message alone still tells the caller.
    sendMessage(socket, {
      id,
      error: { code: 'internal', message: messageOf(error).slice(0, 1000) },
    })
  }
}

function isCall(message: unknown): message is { id: number; call: string; args: unknown } {
  if (typeof message !== 'object' || message === null) return false
  return 'id' in message && 'call' in message && typeof message.call === 'string'
}

function encodeError(error: unknown): object {
  if (!(error instanceof AppError)) return { code: 'internal', message: messageOf(error) }
  const { code, message, hint, data } = error
  return { code, message, hint, data }
}

function decodeError(value: unknown): AppError {
  const { code, message, hint, data } = value as Record<string, unknown>
  const known = typeof code === 'string' && Object.hasOwn(errorCatalogue, code)
  return new AppError(known ? (code as ErrorCode) : 'internal', String(message), {
    ...(typeof hint === 'string' && { hint }),
    ...(typeof data === 'object' && data !== null && { data: data as Record<string, unknown> }),
  })
}

/**
 * Connects to a server of `openRpcServer`.
 *
 * @param options.onClose Called once, when the peer is gone; open calls have then failed.
 * @throws {Error} System errors of connect, e.g. ENOENT, ECONNREFUSED.
 */
export async function connectRpc<C extends Calls, E extends Events>(options: {
  path: string
  onEvent?: <K extends keyof E & string>(event: K, data: E[K]) => void
  onClose?: () => void
}): Promise<RpcClient<C>> {
  const socket = await connect(options.path)
  const open = new Map<number, (answer: { ok?: unknown; error?: unknown }) => void>()
  let lastId = 0
  socket.on('error', () => socket.destroy())
  socket.on('close', () => {
    const error = { code: 'keeper-unreachable', message: `${options.path} went away` }
    for (const settle of open.values()) settle({ error })
    open.clear()
    options.onClose?.()
  })
  readMessages(socket, (message) => {
    const { id, event, data, ...result } = message as Record<string, unknown>
    if (typeof event === 'string') return options.onEvent?.(event, data as E[string])
    open.get(id as number)?.(result)
  })
  return {
    call(name, args, { timeoutMs = wireCallTimeoutMs } = {}) {
      return new Promise((resolve, reject) => {
        const id = ++lastId
        const timer = timeoutMs === Infinity ? undefined : setTimeout(() => expire(), timeoutMs)
        const settle = (result: { ok?: unknown; error?: unknown }): void => {
          clearTimeout(timer)
          open.delete(id)
          if (result.error !== undefined) reject(decodeError(result.error))
          else resolve(result.ok)
        }
        const expire = (): void => {
          const message = `No answer to "${name}" in ${timeoutMs} ms from ${options.path}`
          settle({ error: { code: 'keeper-unreachable', message } })
        }
        open.set(id, settle)
        if (!socket.writable) {
          return settle({
            error: { code: 'keeper-unreachable', message: `${options.path} went away` },
          })
        }
        try {
          sendMessage(socket, { id, call: name, args })
        } catch (error) {
          settle({ error: { code: 'internal', message: `"${name}": ${messageOf(error)}` } })
        }
      })
    },
    close: () => socket.destroy(),
  }
}

function connect(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}
