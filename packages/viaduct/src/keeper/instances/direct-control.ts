/**
 * The keeper's word with a Node.js app that accepts on a port itself: over a unix socket that the
 * app inherits, so that also a keeper which adopted the app reaches it. What is at the other end is
 * `bin/direct-preload.cjs`.
 */
import { constants } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { BoundSocket, connect } from 'node:net'
import { join } from 'node:path'
import { systemCodeOf } from '../../model/app-error.ts'
import type { DirectState } from '../../wire/keeper-protocol.ts'

const name = 'control'
/** It is a process of the app's that answers. */
const answerMaxLength = 1_000

/** @param dir The instance's directory. @returns A socket that is bound there, for the app. */
export async function bindControl(dir: string): Promise<BoundSocket> {
  const first = `${name}.new`
  return await withShortPath(dir, first, async (path) => {
    // Public since Node.js 24.20; the types do not know it yet.
    const socket = new BoundSocket({ path } as never)
    // Closing it removes the file that it was bound to; the app's copy shall be found.
    await rename(join(dir, first), join(dir, name))
    return socket
  })
}

/**
 * @param ask `state`; `accept`: from now on the app gets connections; `leave`: it gets no more, and
 *   answers when those that it has are closed.
 * @returns null when nobody is there, or time is up.
 */
export async function askDirect(
  dir: string,
  ask: 'state' | 'accept' | 'leave',
  timeoutMs: number,
): Promise<DirectState | null> {
  try {
    return await withShortPath(dir, name, (path) => exchange(path, { ask }, timeoutMs))
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null
    throw error
  }
}

function exchange(path: string, request: object, timeoutMs: number): Promise<DirectState | null> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const end = (state: DirectState | null): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(state)
    }
    const timer = setTimeout(() => end(null), timeoutMs)
    let text = ''
    socket.setEncoding('utf8')
    socket.on('connect', () => socket.write(`${JSON.stringify(request)}\n`))
    socket.on('data', (chunk: string) => {
      text += chunk
      if (text.includes('\n') || text.length > answerMaxLength) end(decodeState(text))
    })
    socket.on('error', () => end(null)) // It does not listen, or it is gone.
    socket.on('close', () => end(null))
  })
}

function decodeState(text: string): DirectState | null {
  try {
    const value = JSON.parse(text) as Partial<DirectState>
    const { listens, accepts, open: count } = value
    return { listens: listens === true, accepts: accepts === true, open: Number(count) || 0 }
  } catch {
    // Not JSON: nobody that we know.
    return null
  }
}

/** The path of a unix socket has 107 bytes at most; that of an instance may be longer. */
async function withShortPath<T>(
  dir: string,
  file: string,
  use: (path: string) => Promise<T>,
): Promise<T> {
  await using folder = await open(dir, constants.O_RDONLY | constants.O_DIRECTORY)
  return await use(`/proc/self/fd/${folder.fd}/${file}`)
}
