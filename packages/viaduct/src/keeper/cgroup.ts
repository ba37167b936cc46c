/**
 * A control group per instance (cgroup v2), where the platform may make them: the kernel then knows
 * every descendant, and kills all of them at once with `cgroup.kill`.
 *
 * Needs no controllers, and works beside cgroup v1. Whether it works is tried, not guessed: a
 * writable directory may still refuse to take a process.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../model/app-error.ts'
import { killTimeoutMs } from '../model/limits.ts'

export type CgroupProbe =
  | { readonly usable: true; readonly base: string }
  | { readonly usable: false; readonly reason: string }

/**
 * Moves a process into a new group and kills it there, once.
 *
 * @param options.name Directory below the keeper's own group that the instances' groups go to.
 */
export async function probeCgroup(options: { name: string }): Promise<CgroupProbe> {
  const own = ownCgroup()
  if (own === null) return { usable: false, reason: 'No cgroup v2 hierarchy is mounted' }
  const base = join(own, options.name)
  const probe = join(base, `probe-${process.pid}`)
  const child = spawn('/bin/sh', ['-c', 'read _'], { stdio: ['pipe', 'ignore', 'ignore'] })
  child.on('error', () => undefined) // It then has no pid, which is looked at next.
  try {
    mkdirSync(probe, { recursive: true, mode: 0o755 })
    if (child.pid === undefined) return { usable: false, reason: '/bin/sh does not start' }
    enterCgroup(probe, child.pid)
    if (!killCgroup(probe)) return { usable: false, reason: 'The kernel has no cgroup.kill' }
    await once(child, 'exit', { signal: AbortSignal.timeout(killTimeoutMs) })
    return { usable: true, base }
  } catch (error) {
    return { usable: false, reason: messageOf(error) }
  } finally {
    child.kill('SIGKILL')
    removeCgroup(probe)
  }
}

/** A name for the groups of one data directory. */
export function cgroupName(dataDir: string): string {
  return `viaduct-${createHash('sha256').update(dataDir).digest('hex').slice(0, 10)}`
}

/** @throws {Error} System errors, e.g. EACCES. */
export function makeCgroup(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o755 })
}

/** Its later children are born in the group. @throws {Error} System errors. */
export function enterCgroup(path: string, pid: number): void {
  writeFileSync(join(path, 'cgroup.procs'), String(pid))
}

/** Living processes of the group; none when it does not exist. */
export function membersOfCgroup(path: string): number[] {
  try {
    return readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number)
  } catch {
    // Removed: it can only be removed when it is empty.
    return []
  }
}

/** Sends SIGKILL to all at once. @returns False when the kernel or the group has no such file. */
export function killCgroup(path: string): boolean {
  if (!existsSync(join(path, 'cgroup.kill'))) return false
  writeFileSync(join(path, 'cgroup.kill'), '1')
  return true
}

/** Removes an empty group; one that is not empty stays. */
export function removeCgroup(path: string): void {
  try {
    rmdirSync(path)
  } catch {
    // Not there, or a process is just leaving: an empty directory in a virtual file system is left.
  }
}

/** Where this process is in the v2 hierarchy, as a directory. */
function ownCgroup(): string | null {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
  const mount = mounts.find((line) => / - cgroup2 /.test(line))?.split(' ')[4]
  const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1]
  return mount === undefined || own === undefined ? null : join(mount, own)
}
