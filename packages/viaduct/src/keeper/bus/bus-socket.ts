/**
 * The unix socket of one instance (`VIADUCT_SOCKET`). Its file outlives the keeper: the app
 * connects again to the next one, which listens at the same path.
 */
import { lstatSync } from 'node:fs'
import { chmod, chown, rename } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { busConnectionsMax } from '../../model/limits.ts'

/**
 * @param options.path Where the app finds it; a file that is there is replaced, as a whole.
 * @param options.staging A path beside it, where nobody but the platform's user may enter: apps see
 *   only what has its owner and mode.
 * @param options.uid Who may connect; null: the platform's own user.
 * @throws {Error} System errors of listen, chown, rename.
 */
export async function listenForApp(options: {
  path: string
  staging: string
  uid: number | null
  onConnection: (socket: Socket) => void
}): Promise<Server> {
  const { path, staging, uid } = options
  const server = createServer(options.onConnection)
  server.maxConnections = busConnectionsMax
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(staging, () => resolve())
    })
    await chmod(staging, 0o600)
    if (uid !== null) await chown(staging, uid, -1)
    // Closing the server removes the file that it was bound to: not the one that the app knows.
    await rename(staging, path)
    return server
  } catch (error) {
    server.close()
    throw error
  }
}

/** @returns Whose socket an earlier keeper made there; null when there is none. */
export function ownerOfSocket(path: string): number | null {
  const facts = lstatSync(path, { throwIfNoEntry: false })
  return facts?.isSocket() ? facts.uid : null
}
