/**
 * Closes what the platform was started with beyond stdin, stdout and stderr: a descriptor that a
 * shell or a service manager left open would else reach every app. Node.js opens its own with
 * close-on-exec, which tells the two apart.
 */
import { closeSync, readdirSync, readFileSync } from 'node:fs'
import { systemCodeOf } from '../../model/app-error.ts'

const closeOnExec = 0o2000000

/** To be called before anything is opened that is meant to be inherited. Linux only. */
export function closeInherited(): void {
  if (process.channel !== undefined) return // Node.js itself uses one of them.
  for (const fd of readdirSync('/proc/self/fd').map(Number)) {
    if (fd > 2 && isInherited(fd)) closeSync(fd)
  }
}

function isInherited(fd: number): boolean {
  try {
    const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')
    return (Number.parseInt(/^flags:\s+(\d+)/m.exec(info)?.[1] ?? '', 8) & closeOnExec) === 0
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false // The one that listed the folder.
    throw error
  }
}
