/**
 * Starts workers again that ended by themselves, with the restart policy that the platform has for
 * its instances: the wait doubles, and too many in too short a time are the end.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { decideRestart, type RestartPolicy } from '../lifecycle/restart-policy.ts'
import { timerMaxMs } from '../limits.ts'
import type { Crew, Place } from './crew.ts'

/**
 * Resolves when the place has a worker again, when it was given up, or when the crew ends.
 *
 * @returns False when it was given up: then nothing starts there until somebody asks for it.
 */
export async function keepRestarting(
  crew: Crew,
  place: Place,
  policy: RestartPolicy,
): Promise<boolean> {
  while (!crew.signal.aborted) {
    place.crashes.push(Date.now())
    if (place.crashes.length > policy.crashLimit) place.crashes.shift()
    const decision = decideRestart(place.crashes, policy)
    if (!decision.restart) return false
    const waitMs = Math.min(Math.max(0, decision.at - Date.now()), timerMaxMs)
    const aborted = await delay(waitMs, false, { signal: crew.signal }).catch(() => true)
    if (aborted) return true
    const started = await crew.replace(place).then(
      () => true,
      () => false, // It is a crash like the others; who watches sees it in `worker-start`.
    )
    if (started) return true
  }
  return true
}
