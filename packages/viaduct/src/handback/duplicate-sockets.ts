/**
 * Copies listening sockets of this process: a server that closes takes its descriptor along, a copy
 * keeps the socket. Descriptors are copied by a short-lived helper, over an IPC channel.
 */
import { spawn } from 'node:child_process'
import { handbackTimeoutMs } from '../model/limits.ts'
import { giveEntry } from './serve-handback.ts'
import { isRawHandle, type RawHandle } from './socket-descriptor.ts'

/**
 * @param fds Name → descriptor of a listening socket.
 * @returns By the same names. Nobody accepts on them; `server.listen(handle)` does.
 * @throws {Error} The helper could not be started, or gave less than all in time.
 */
export async function duplicateSockets(
  fds: Readonly<Record<string, number>>,
): Promise<Map<string, RawHandle>> {
  const names = Object.keys(fds)
  const helper = spawn(process.execPath, [giveEntry, ...names], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...Object.values(fds)],
    env: {},
  })
  const timer = setTimeout(() => helper.kill('SIGKILL'), handbackTimeoutMs)
  const copies = new Map<string, RawHandle>()
  helper.on('message', (message: unknown, handle: unknown) => {
    const { name } = message as { name: string }
    if (!isRawHandle(handle)) return
    handle.unref()
    copies.set(name, handle)
    if (copies.size === names.length) helper.kill('SIGKILL')
  })
  await new Promise<void>((resolve, reject) => {
    helper.on('error', reject)
    helper.on('close', () => resolve())
  }).finally(() => clearTimeout(timer))
  if (copies.size === names.length) return copies
  for (const copy of copies.values()) copy.close()
  throw new Error(`Got ${copies.size} of ${names.length} copies of listening sockets`)
}
