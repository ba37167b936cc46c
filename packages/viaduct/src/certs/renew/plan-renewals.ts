/**
 * Which domains need a certificate from the authority, and when to look again. Pure: what it gets
 * is all there is, and the jitter of a renewal comes from the certificate itself, so that the
 * answer is the same each time.
 */
import { type Certificate, isCovered } from '../../model/tls/certificate.ts'
import { acmeBackoffMaxMs, acmeBackoffMs, renewalJitter } from '../../model/limits.ts'

/** The last order of a domain, when it failed. Gone once one succeeds. */
export interface Attempt {
  /** In a row. */
  readonly failures: number
  readonly at: number
  /** Not before this, Unix milliseconds. */
  readonly retryAt: number
  readonly message: string
}

export interface RenewalPlan {
  readonly due: readonly { readonly domain: string; readonly reason: 'missing' | 'renewal' }[]
  /** When something else is due, Unix milliseconds; Infinity: never. */
  readonly nextAt: number
}

/**
 * @param facts.wanted Domains that are routed.
 * @param facts.ordering Those that an order is under way for.
 */
export function planRenewals(facts: {
  readonly now: number
  readonly wanted: Iterable<string>
  readonly certificates: readonly Certificate[]
  readonly attempts: ReadonlyMap<string, Attempt>
  readonly ordering: ReadonlySet<string>
}): RenewalPlan {
  const { now, certificates, attempts, ordering } = facts
  const due: { domain: string; reason: 'missing' | 'renewal' }[] = []
  const given = certificates.filter(({ source }) => source === 'own')
  const givenNames = new Set(given.flatMap(({ names }) => names))
  const ordered = new Map(
    certificates.filter(({ source }) => source === 'acme').map((one) => [one.domain, one]),
  )
  let nextAt = Infinity
  for (const domain of facts.wanted) {
    // What a user gave is never replaced by an order.
    if (isCovered(domain, givenNames) || !canBeOrdered(domain) || ordering.has(domain)) continue
    const current = ordered.get(domain)
    const dueAt = current ? renewalAt(current) : 0
    const at = Math.max(dueAt, attempts.get(domain)?.retryAt ?? 0)
    if (at <= now) due.push({ domain, reason: current ? 'renewal' : 'missing' })
    else nextAt = Math.min(nextAt, at)
  }
  return { due, nextAt }
}

/** Authorities give certificates for public names only; wildcards want another challenge. */
export function canBeOrdered(domain: string): boolean {
  return domain.includes('.') && !domain.startsWith('*.') && !/(^|\.)localhost$/.test(domain)
}

/** Two thirds through the lifetime, or up to `renewalJitter` of it earlier. Unix milliseconds. */
export function renewalAt({ id, notBefore, notAfter }: Certificate): number {
  // The id is a hash: any part of it is as good as dice.
  const jitter = (Number.parseInt(id.slice(0, 8), 16) / 2 ** 32) * renewalJitter
  return Math.round(notBefore + (notAfter - notBefore) * (2 / 3 - jitter))
}

/**
 * When to try again after `failures` in a row.
 *
 * @param options.retryAt What the server asks for; never earlier than that.
 * @param options.random In [0, 1).
 */
export function retryAt(
  failures: number,
  options: { now: number; retryAt: number | null; random: number },
): number {
  const doubled = Math.min(acmeBackoffMs * 2 ** (failures - 1), acmeBackoffMaxMs)
  const backoff = options.now + doubled * (1 + options.random / 5)
  return Math.round(Math.max(backoff, options.retryAt ?? 0))
}
