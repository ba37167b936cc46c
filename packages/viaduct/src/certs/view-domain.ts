/** What people see of a domain's certificate: never its key. Pure. */
import { type Certificate, isCovered } from '../model/tls/certificate.ts'
import { type Attempt, canBeOrdered, renewalAt } from './renew/plan-renewals.ts'

/** `missing`: it is routed, and unknown names' certificate is what clients get. */
export type CertificateState = 'valid' | 'expired' | 'ordering' | 'missing'

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
    readonly now: number
  },
): CertificateView | null {
  const { certificates, attempt, isOrdering, isAutomatic, now } = facts
  const own = certificates.get(domain)
  if (!own && (!canBeOrdered(domain) || isCovered(domain, facts.names))) return null
  const state = own ? (own.notAfter <= now ? 'expired' : 'valid') : 'missing'
  return {
    domain,
    state: isOrdering ? 'ordering' : state,
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
