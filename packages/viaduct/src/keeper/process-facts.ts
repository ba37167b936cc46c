/**
 * What `/proc` says about processes: who lives, when it started, who belongs to whom.
 *
 * `kill(pid, 0)` is no proof of life: where pid 1 does not reap, the dead answer for ever.
 */
import { readFileSync, readdirSync } from 'node:fs'

export interface ProcessFacts {
  readonly pid: number
  readonly parent: number
  readonly group: number
  readonly session: number
  /** `R`, `S`, `Z` … */
  readonly state: string
  /** Clock ticks after boot: with the boot id it tells a pid from its next owner. */
  readonly startTime: number
}

/** A process as it is remembered on disk. */
export interface ProcessIdentity {
  readonly pid: number
  readonly startTime: number
  readonly bootId: string
}

export const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()

/** @returns null when there is no such process. Costs about 10 µs. */
export function readProcess(pid: number): ProcessFacts | null {
  const stat = readIfThere(`/proc/${pid}/stat`)
  if (stat === '') return null
  // The name, in parentheses, may hold spaces and parentheses of its own.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return {
    pid,
    state: fields[0] ?? '',
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    startTime: Number(fields[19]),
  }
}

/** @returns null when it is gone already. */
export function identify(pid: number): ProcessIdentity | null {
  const facts = readProcess(pid)
  return facts && { pid, startTime: facts.startTime, bootId }
}

/** True when this very process, not another with its pid, lives and is not a zombie. */
export function isAlive(identity: ProcessIdentity): boolean {
  if (identity.bootId !== bootId) return false
  const facts = readProcess(identity.pid)
  return facts !== null && facts.startTime === identity.startTime && !isDead(facts)
}

/**
 * Every living process that belongs to an instance: in its shim's group or session, descended from
 * it, or with `VIADUCT_INSTANCE=ID` in its first environment, however far it forked away.
 *
 * Reads all of `/proc`: about 60 µs per process of the machine. Of other users' only what is
 * readable. A process that cleared its environment and left the session escapes.
 */
export function findMembers(instance: { id: string; shim: ProcessIdentity }): number[] {
  // The number of a shim that is gone may belong to a stranger by now.
  const leader = isAlive(instance.shim) ? instance.shim.pid : Number.NaN
  const marker = `VIADUCT_INSTANCE=${instance.id}`
  const members = new Set<number>()
  const others: ProcessFacts[] = []
  for (const facts of readAllProcesses()) {
    const { pid, group, session } = facts
    const related = pid === leader || group === leader || session === leader
    if (related || hasVariable(pid, marker)) members.add(pid)
    else others.push(facts)
  }
  for (let before = -1; before !== members.size;) {
    before = members.size
    for (const { pid, parent } of others) if (members.has(parent)) members.add(pid)
  }
  return [...members]
}

/**
 * Which process of an instance a signal should go to: the app itself, below its shim and below the
 * shells that only wait for their first child.
 *
 * @returns null before the app runs, and when it has ended.
 */
export function findApp(shim: number): number | null {
  let app: number | null = null
  for (let next = firstChildOf(shim); next !== undefined; next = firstChildOf(next)) {
    app = next
    if (!/^(ba|da|a)?sh\n$/.test(readIfThere(`/proc/${next}/comm`))) break
  }
  return app
}

function firstChildOf(pid: number): number | undefined {
  const children = readIfThere(`/proc/${pid}/task/${pid}/children`).split(' ')
  return children.filter(Boolean).map(Number)[0]
}

/** Living session leaders that were started with this `NAME=VALUE`. */
export function findLeadersWith(variable: string): number[] {
  const leaders = [...readAllProcesses()].filter(({ pid, session }) => pid === session)
  return leaders.filter(({ pid }) => hasVariable(pid, variable)).map(({ pid }) => pid)
}

function* readAllProcesses(): Generator<ProcessFacts> {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue
    const facts = readProcess(Number(name))
    if (facts && !isDead(facts)) yield facts
  }
}

function hasVariable(pid: number, marker: string): boolean {
  return `\0${readIfThere(`/proc/${pid}/environ`)}`.includes(`\0${marker}\0`)
}

function isDead(facts: ProcessFacts): boolean {
  return facts.state === 'Z' || facts.state === 'X'
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Gone (ENOENT, ESRCH) or another user's (EACCES): nothing to tell.
    return ''
  }
}
