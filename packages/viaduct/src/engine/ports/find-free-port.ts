/**
 * Chooses a port for an instance: from a range that the kernel gives to no client, not promised to
 * another instance, and really free at this moment.
 *
 * It cannot reserve the port: an instance that then meets EADDRINUSE is started on another one.
 */
import { createServer } from 'node:net'
import { AppError, systemCodeOf } from '../../model/app-error.ts'

/** Where instances listen. */
const instanceHost = '127.0.0.1'

/**
 * Tries the ports of a range, from a random one on, until one can be listened on.
 *
 * @param options.min First port.
 * @param options.max Last port, `min` or more.
 * @param options.taken Ports that are promised already; they are not tried.
 * @param options.random In [0, 1): where to begin, so that a port is not used again at once.
 * @throws {AppError} `no-free-port`
 * @throws {Error} EMFILE and the like: the reason is not the port.
 */
export async function findFreePort(options: {
  min: number
  max: number
  taken: ReadonlySet<number>
  random: number
}): Promise<number> {
  const { min, max, taken, random } = options
  const count = max - min + 1
  const first = Math.floor(random * count)
  for (let i = 0; i < count; i++) {
    const port = min + ((first + i) % count)
    if (!taken.has(port) && (await isFree(port))) return port
  }
  throw new AppError('no-free-port', `None of the ports ${min} to ${max} is free`, {
    data: { min, max },
  })
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (error) => {
      const code = systemCodeOf(error)
      if (code === 'EADDRINUSE' || code === 'EACCES') resolve(false)
      else reject(error)
    })
    probe.listen({ host: instanceHost, port, exclusive: true }, () => {
      probe.close(() => resolve(true))
    })
  })
}
