/**
 * Ends every process of an instance: SIGTERM, a wait with a limit, then SIGKILL to whatever is
 * left.
 *
 * It knows pids and groups only; wind-down messages and exit codes are `instance.ts`.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { AppError, systemCodeOf } from '../../model/app-error.ts'
import { killTimeoutMs, stopPollMs } from '../../model/limits.ts'
import { killCgroup, membersOfCgroup } from '../cgroup.ts'
import { findMembers, type ProcessIdentity, readProcess } from '../process-facts.ts'

/** Which processes are meant. */
export interface Membership {
  readonly id: string
  /** The shim; leader of its session and group. */
  readonly shim: ProcessIdentity
  readonly cgroup: string | null
}

/** Living processes of the instance, the shim among them. */
export function members(of: Membership): number[] {
  const pids = of.cgroup === null ? findMembers(of) : membersOfCgroup(of.cgroup)
  return pids.filter((pid) => pid !== process.pid)
}

/** SIGTERM to all but the shim, which must stay to tell the exit code. */
export function askToEnd(of: Membership): void {
  for (const pid of members(of)) if (pid !== of.shim.pid) send(pid, 'SIGTERM')
}

/** @returns True when only the shim is left, or nobody; false when time is up or in a `hurry`. */
export async function waitForEnd(
  of: Membership,
  timeoutMs: number,
  hurry?: AbortSignal,
): Promise<boolean> {
  const end = performance.now() + timeoutMs
  for (;;) {
    if (members(of).every((pid) => pid === of.shim.pid)) return true
    if (performance.now() >= end || hurry?.aborted) return false
    await delay(Math.min(stopPollMs, Math.max(1, end - performance.now())))
  }
}

/**
 * SIGKILL to all, the shim too, until nobody is left.
 *
 * @throws {AppError} `internal`: a process survives SIGKILL (uninterruptible sleep).
 */
export async function killAll(of: Membership): Promise<void> {
  const end = performance.now() + killTimeoutMs
  for (;;) {
    if (of.cgroup === null || !killCgroup(of.cgroup)) {
      for (const pid of members(of)) send(pid, 'SIGKILL')
    }
    const left = members(of)
    if (left.length === 0) return
    if (performance.now() >= end) throw survivors(of, left)
    await delay(stopPollMs / 4)
  }
}

function survivors(of: Membership, left: readonly number[]): AppError {
  const states = left.map((pid) => `${pid} (${readProcess(pid)?.state ?? 'gone'})`).join(', ')
  return new AppError('internal', `Processes of ${of.id} survive SIGKILL: ${states}`, {
    hint: 'State D waits for a disk or network file system that does not answer.',
    data: { instance: of.id },
  })
}

function send(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    // ESRCH: it ended by itself meanwhile, which is what was wanted.
    if (systemCodeOf(error) !== 'ESRCH') throw error
  }
}
