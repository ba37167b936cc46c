/** Waiting with a limit, and promises that somebody else settles. */

/**
 * @returns False when `timeoutMs` is over first; a later rejection of `promise` is then dropped.
 * @throws What `promise` rejects with, or the reason of `signal`.
 */
export async function within(
  promise: Promise<unknown>,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  return await new Promise<boolean>((resolve, reject) => {
    const abort = (): void => settle(() => reject(signal?.reason as Error))
    const timer = setTimeout(() => settle(() => resolve(false)), timeoutMs)
    const settle = (act: () => void): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      act()
    }
    signal?.addEventListener('abort', abort)
    if (signal?.aborted) return abort()
    promise.then(
      () => settle(() => resolve(true)),
      (error: unknown) => settle(() => reject(error)),
    )
  })
}

export interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: Error): void
}

/** `Promise.withResolvers`, which Node.js 20 does not have. */
export function deferred<T>(): Deferred<T> {
  let parts: Omit<Deferred<T>, 'promise'> | undefined
  const promise = new Promise<T>((resolve, reject) => {
    parts = { resolve, reject }
  })
  return { promise, ...parts! }
}
