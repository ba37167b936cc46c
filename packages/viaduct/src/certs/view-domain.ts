/** What people see of a domain's certificate: never its key. Pure. */
import { type Certificate, isCovered } from '../model/tls/certificate.ts'
import { type Attempt, canBeOrdered, renewalAt } from './renew/plan-renewals.ts'

/**
 * `missing`: it is routed, and unknown names' certificate is what clients get. `unused`: it was
 * ordered for a route that is gone; it is served while it is valid, and not renewed.
 */
export type CertificateState = 'valid' | 'expired' | 'ordering' | 'missing' | 'unused'

export interface CertificateView {
  readonly domain: string
  readonly state: CertificateState
  readonly source: 'own' | 'acme' | null
  readonly issuer: string | null
  readonly names: readonly string[]
  /** sha256 of the leaf, hexadecimal. */
  readonly id: string | null
  /** Unix milliseconds, as all times here. */
  readonly notBefore: number | null
  readonly notAfter: number | null
  /** null: it is not renewed by itself. */
  readonly renewsAt: number | null
  /** Why the last order failed, and when the next one is. */
  readonly lastError: string | null
  readonly retriesAt: number | null
}

/** @returns null for a domain that needs no certificate of its own. */
export function viewDomain(
  domain: string,
  facts: {
    readonly certificates: ReadonlyMap<string, Certificate>
    /** Of all certificates. */
    readonly names: ReadonlySet<string>
    readonly attempt: Attempt | null
    readonly isOrdering: boolean
    readonly isAutomatic: boolean
    /** A route names it. */
    readonly isRouted: boolean
    readonly now: number
  },
): CertificateView | null {
  const { certificates, attempt, isOrdering, isAutomatic } = facts
  const own = certificates.get(domain)
  if (!own && (!canBeOrdered(domain) || isCovered(domain, facts.names))) return null
  return {
    domain,
    state: isOrdering ? 'ordering' : own ? stateOf(own, facts) : 'missing',
    source: own?.source === 'own' || own?.source === 'acme' ? own.source : null,
    issuer: own?.issuer ?? null,
    names: own?.names ?? [],
    id: own?.id ?? null,
    notBefore: own?.notBefore ?? null,
    notAfter: own?.notAfter ?? null,
    renewsAt: own?.source === 'acme' && isAutomatic ? renewalAt(own) : null,
    lastError: attempt?.message ?? null,
    retriesAt: attempt && isAutomatic ? attempt.retryAt : null,
  }
}

/** What a user gave may be for a wildcard's names, or the default app's. */
function stateOf(
  { source, notAfter }: Certificate,
  { isRouted, now }: { isRouted: boolean; now: number },
): CertificateState {
  if (source === 'acme' && !isRouted) return 'unused'
  return notAfter <= now ? 'expired' : 'valid'
}
