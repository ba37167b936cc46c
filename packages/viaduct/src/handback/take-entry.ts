/**
 * Entry of a short-lived process between proxy and keeper: receives the sockets over its IPC
 * channel (descriptor 4, the connection to the proxy) and passes them to the keeper through one
 * more helper, because a process has one channel only (descriptor 3 is the keeper's).
 */
import { spawn } from 'node:child_process'
import { handbackTimeoutMs } from '../model/limits.ts'
import { giveEntry } from './serve-handback.ts'
import { isRawHandle } from './socket-descriptor.ts'

setTimeout(() => process.exit(1), handbackTimeoutMs).unref()
const wanted = process.argv.slice(2)
const fds = new Map<string, number>()

process.on('message', (message: unknown, handle: unknown) => {
  // A proxy of before HTTPS does not say what it has.
  const { name, names = wanted } = message as { name: string; names?: readonly string[] }
  if (isRawHandle(handle)) fds.set(name, handle.fd)
  if (names.every((each) => fds.has(each))) passOn()
})

function passOn(): void {
  const helper = spawn(process.execPath, [giveEntry, ...fds.keys()], {
    stdio: ['ignore', 'inherit', 'inherit', 3, ...fds.values()],
    env: { NODE_CHANNEL_FD: '3', NODE_CHANNEL_SERIALIZATION_MODE: 'json' },
  })
  helper.on('exit', (code) => process.exit(code ?? 1))
}
