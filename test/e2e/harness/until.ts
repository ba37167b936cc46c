/** Waiting for a condition, with a limit: the tests' only way to wait. */
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Calls `predicate` until it returns something that is neither false, null nor undefined.
 *
 * @param options.timeoutMs Default 15,000.
 * @param options.what Said in the error when time is up.
 */
export async function until<T>(
  predicate: () => T | Promise<T>,
  options: { timeoutMs?: number; everyMs?: number; what?: string } = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const { timeoutMs = 15_000, everyMs = 25, what = predicate.toString() } = options
  const limit = performance.now() + timeoutMs
  let last: unknown
  for (;;) {
    try {
      const value = await predicate()
      if (value !== false && value !== null && value !== undefined) {
        return value as NonNullable<Exclude<T, false>>
      }
    } catch (error) {
      last = error
    }
    if (performance.now() > limit) {
      throw new Error(`Not within ${timeoutMs} ms: ${what}`, { cause: last })
    }
    await sleep(everyMs)
  }
}
