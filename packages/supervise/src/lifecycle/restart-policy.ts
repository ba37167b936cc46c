/**
 * Whether and when a process that crashed is started again: exponential backoff up to a limit,
 * then not at all until somebody acts.
 *
 * Pure: gets the times of the crashes and answers with a time. It neither waits nor starts.
 */
export interface RestartPolicy {
  /** Milliseconds before the first restart; doubles with each crash inside the window. */
  readonly backoffMs: number
  readonly backoffMaxMs: number
  /** This many crashes inside the window are the end. */
  readonly crashLimit: number
  readonly windowMs: number
}

export type RestartDecision =
  /** `at` is in the time of `crashes`; it may be past. 0 when there was no crash. */
  { readonly restart: true; readonly at: number } | { readonly restart: false }

/**
 * Decides by the crashes inside the window that ends with the newest one, so that the answer does
 * not change while nothing happens: a process that was given up stays given up.
 *
 * @param crashes Unix milliseconds, oldest first.
 */
export function decideRestart(crashes: readonly number[], policy: RestartPolicy): RestartDecision {
  const last = crashes.at(-1)
  if (last === undefined) return { restart: true, at: 0 }
  const recent = crashes.filter((at) => at > last - policy.windowMs).length
  if (recent >= policy.crashLimit) return { restart: false }
  const backoff = Math.min(policy.backoffMs * 2 ** (recent - 1), policy.backoffMaxMs)
  return { restart: true, at: last + backoff }
}
