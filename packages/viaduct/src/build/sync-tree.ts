/**
 * Has a new tree written to the disk before a rename makes it valid: after a loss of power it is
 * there whole, or not at all.
 *
 * Node.js has no `syncfs`; `sync -f` of the system is one. It takes a tenth of the time that an
 * fsync of each file takes, and a few milliseconds for a small app.
 */
import { execFile } from 'node:child_process'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { syncDirectory } from '../durable/write-file-durably.ts'
import { treeSyncTimeoutMs } from '../model/limits.ts'

/**
 * @param options.command The system's `sync`, which takes `-f`. Without one each file is synced.
 * @throws {Error} System errors of the files, e.g. EIO.
 */
export async function syncTree(root: string, { command = 'sync' } = {}): Promise<void> {
  try {
    await promisify(execFile)(command, ['-f', root], { timeout: treeSyncTimeoutMs })
  } catch {
    // There is no such command, it knows no -f, or others write so much that it does not end.
    await syncEach(root)
  }
}

async function syncEach(root: string): Promise<void> {
  const entries = await readdir(root, { withFileTypes: true })
  for (const entry of entries) {
    const path = join(root, entry.name)
    if (entry.isDirectory()) await syncEach(path)
    else if (entry.isFile()) await syncFile(path)
  }
  await syncDirectory(root)
}

async function syncFile(path: string): Promise<void> {
  await using file = await open(path, 'r')
  await file.sync()
}
