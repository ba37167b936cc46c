/**
 * One keeper per data directory: an advisory lock (flock(2)) that the kernel takes back when the
 * keeper dies, however it dies. Children do not inherit it.
 *
 * Node.js has no flock. A lock belongs to the open file, not to the process that asked for it, so
 * the small program `flock` asks for it on our open file and leaves.
 */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { AppError } from '../model/app-error.ts'
import { runHelper } from './run-helper.ts'

/**
 * @throws {AppError} `already-running`, with the pid of the keeper that has it; `spawn-failed`:
 *   there is no `flock`, or it does not end.
 */
export async function takeKeeperLock(path: string): Promise<AsyncDisposable> {
  const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  try {
    if (!(await flock(file.fd))) {
      const pid = (await file.readFile('utf8')).trim()
      throw new AppError('already-running', `A keeper runs on this data directory: pid ${pid}`, {
        data: { file: path, pid: Number(pid) },
      })
    }
    await file.truncate(0)
    await file.write(`${process.pid}\n`, 0)
    return { [Symbol.asyncDispose]: () => file.close() }
  } catch (error) {
    await file.close()
    throw error
  }
}

async function flock(fd: number): Promise<boolean> {
  return (
    (await runHelper('flock', ['-n', '3'], { stdio: ['ignore', 'ignore', 'ignore', fd] })) === 0
  )
}
