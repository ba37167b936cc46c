/**
 * Why the daemon does not start, read from what it wrote on stderr. The keeper starts it again and
 * again and decides nothing; whoever typed "viaduct up" wants to know at once.
 */
import { readFile, stat } from 'node:fs/promises'
import { dataLayout } from '../../model/layout.ts'
import { readJson } from '../server/login-file.ts'

export interface Complaint {
  readonly message: string
  readonly hint: string
}

/** Where the daemon's log ends now: what comes later is of this start. 0 when there is none. */
export async function markDaemonLog(dataDir: string): Promise<number> {
  return await stat(logOf(dataDir)).then(
    ({ size }) => size,
    () => 0, // The first start.
  )
}

/** @param mark See `markDaemonLog`. @returns null when it has not complained since. */
export async function readComplaint(dataDir: string, mark: number): Promise<Complaint | null> {
  const log = await readFile(logOf(dataDir)).catch(() => Buffer.alloc(0)) // Not there yet.
  // A log that is shorter than it was has been rotated.
  const text = log.subarray(log.length < mark ? 0 : mark).toString('utf8')
  const [, message, hint = ''] = /^viaduct daemon: (.+)\n(?:(.+)\n)?/m.exec(text) ?? []
  return message === undefined ? null : { message, hint }
}

/** True when apps run, which must go on whatever the daemon says. */
export async function hasInstances(dataDir: string): Promise<boolean> {
  const table = await readJson(dataLayout(dataDir).children).catch(() => null)
  if (table === null || !('children' in table) || !Array.isArray(table.children)) return false
  return table.children.some((row: { kind?: unknown }) => row.kind === 'instance')
}

function logOf(dataDir: string): string {
  return dataLayout(dataDir).platformLog('daemon')
}
