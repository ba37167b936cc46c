/**
 * Ends the workers when this process was killed so that it could not: a shell of half a megabyte
 * that knows their process groups, and sees its input end. The preload lets a worker end itself,
 * in order; this is for those that hang, and for commands, which have no preload.
 *
 * It is there while there are workers. Its script is fixed; only numbers are told to it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { orphanKillS } from '../limits.ts'
import { workerVariable } from '../preload/preload-paths.cjs'

/**
 * Lines are `+ GROUP KIND` and `- GROUP`. A number that has another owner by now is left alone: its
 * leader was not started with our variable. A group without its leader is still ours.
 */
const script = `
trap '' TERM INT HUP
all=
while read -r sign group kind; do
  rest=
  for one in $all; do [ "\${one#*:}" = "$group" ] || rest="$rest $one"; done
  all=$rest
  [ "$sign" = + ] && all="$all $kind:$group"
done
ours() { [ ! -e "/proc/$1" ] || grep -q ${workerVariable}= "/proc/$1/environ"; }
[ -n "$all" ] || exit 0
for one in $all; do
  [ "\${one%:*}" = command ] && ours "\${one#*:}" && kill -s TERM -- "-\${one#*:}"
done
sleep ${orphanKillS}
for one in $all; do ours "\${one#*:}" && kill -s KILL -- "-\${one#*:}"; done
`

let guard: ChildProcess | null = null
const groups = new Set<number>()

/** @param kind A command gets SIGTERM first; a script's preload ends it by itself. */
export function guardGroup(group: number, kind: 'script' | 'command'): void {
  guard ??= startGuard()
  groups.add(group)
  guard.stdin?.write(`+ ${group} ${kind}\n`)
}

/** The worker is gone. */
export function releaseGroup(group: number): void {
  if (!groups.delete(group)) return
  guard?.stdin?.write(`- ${group}\n`)
  if (groups.size > 0) return
  guard?.stdin?.end()
  guard = null
}

function startGuard(): ChildProcess {
  const child = spawn('sh', ['-c', script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  const forget = (): void => {
    if (guard === child) guard = null // The next worker has one again.
  }
  child.on('error', forget).on('exit', forget).unref()
  child.stdin?.on('error', forget)
  ;(child.stdin as unknown as { unref(): void }).unref()
  return child
}
