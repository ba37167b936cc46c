/**
 * At most so many requests within a time, for each key: the generic cell rate algorithm (ITU-T
 * I.371), one number per key. Every worker counts for itself.
 */
import type { RateLimit } from '../../model/routing/http-options.ts'
import { rateLimitKeysMax } from '../../model/proxy-limits.ts'

export class RateLimiter {
  /** When the next request would be on time, were they evenly spread; least recently used first. */
  readonly #dueMs = new Map<string, number>()
  readonly #everyMs: number
  readonly #aheadMs: number

  constructor({ requests, perMs, burst = requests }: RateLimit) {
    this.#everyMs = perMs / requests
    this.#aheadMs = this.#everyMs * (burst - 1)
  }

  /** @returns 0: admitted and counted; else milliseconds until one more will be. */
  take(key: string, now: number): number {
    const due = Math.max(now, this.#dueMs.get(key) ?? now)
    const waitMs = due - now - this.#aheadMs
    if (waitMs > 0) return waitMs
    this.#dueMs.delete(key)
    this.#dueMs.set(key, due + this.#everyMs)
    if (this.#dueMs.size > rateLimitKeysMax) this.#forgetOldest()
    return 0
  }

  #forgetOldest(): void {
    for (const [oldest] of this.#dueMs) {
      this.#dueMs.delete(oldest)
      return
    }
  }
}

/** What counts as one client: an IPv4 address, or the /64 network that one IPv6 user has. */
export function clientKey(address: string): string {
  if (!address.includes(':')) return address
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const after = tail === '' ? 0 : tail.split(':').length
    while (groups.length + after < 8) groups.push('0')
    groups.push(...tail.split(':'))
  }
  return groups.slice(0, 4).join(':')
}
