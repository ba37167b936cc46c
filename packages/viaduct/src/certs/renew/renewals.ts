/**
 * Carries out what `planRenewals` says: orders certificates, a few domains at a time and one order
 * per domain, remembers what failed over restarts, and looks again when the next is due.
 */
import { AppError } from '../../model/app-error.ts'
import type { Certificate } from '../../model/tls/certificate.ts'
import { acmeOrdersMax, certificateCheckMs, certificatesMax } from '../../model/limits.ts'
import type { Log } from '../../model/log.ts'
import { AcmeError, orderError } from '../acme/acme-problem.ts'
import type { Authority } from '../acme/authority.ts'
import { type Attempt, planRenewals, retryAt } from './plan-renewals.ts'

export interface RenewalsOptions {
  readonly authority: Pick<Authority, 'order'>
  readonly certificates: () => readonly Certificate[]
  /** Resolves when it is on disk and every proxy has it. */
  readonly keep: (certificate: Certificate) => Promise<void>
  readonly attempts: Map<string, Attempt>
  readonly writeAttempts: (attempts: ReadonlyMap<string, Attempt>) => Promise<void>
  readonly log: Log
  readonly now: () => number
  /** In [0, 1). */
  readonly random: () => number
}

export class Renewals implements AsyncDisposable {
  readonly #options: RenewalsOptions
  readonly #closing = new AbortController()
  readonly #running = new Map<string, Promise<Certificate>>()
  #wanted: ReadonlySet<string> = new Set()
  #timer: NodeJS.Timeout | undefined

  constructor(options: RenewalsOptions) {
    this.#options = options
  }

  get ordering(): ReadonlySet<string> {
    return new Set(this.#running.keys())
  }

  /** Domains that are to have a certificate from now on. */
  want(domains: ReadonlySet<string>): void {
    this.#wanted = domains
    this.look()
  }

  /** Orders what is due, and comes back when something else is. */
  look(): void {
    clearTimeout(this.#timer)
    if (this.#closing.signal.aborted) return
    const { now, attempts, certificates } = this.#options
    const plan = planRenewals({
      ...{ now: now(), wanted: this.#wanted, certificates: certificates(), attempts },
      ordering: this.ordering,
    })
    const left: string[] = []
    // Those beyond the limit come when an order ends, which looks again.
    for (const { domain, reason } of plan.due) {
      if (this.#running.size >= acmeOrdersMax) break
      if (reason === 'missing' && this.#isFull()) {
        left.push(domain)
        continue
      }
      this.#options.log.info('certificate.ordering', { domain, reason })
      this.order(domain).catch(() => null) // It is logged, and kept with the attempts.
    }
    if (left.length > 0) {
      const facts = { max: certificatesMax, left: left.length, first: left[0] }
      this.#options.log.warn('certificate.too-many', facts)
    }
    const waitMs = Math.min(Math.max(plan.nextAt - now(), 0), certificateCheckMs)
    this.#timer = setTimeout(() => this.look(), waitMs)
    this.#timer.unref()
  }

  /**
   * Orders at once, whatever is planned; an order that is under way is joined.
   *
   * @throws {AppError} `acme-failed`
   */
  order(domain: string): Promise<Certificate> {
    const known = this.#running.get(domain)
    if (known) return known
    const ordering = this.#order(domain)
    this.#running.set(domain, ordering)
    return ordering
  }

  /** A snapshot with more could not be sent to the proxies. */
  #isFull(): boolean {
    return this.#options.certificates().length + this.#running.size >= certificatesMax
  }

  async #order(domain: string): Promise<Certificate> {
    const { authority, attempts, keep, log, now } = this.#options
    const { signal } = this.#closing
    const failures = attempts.get(domain)?.failures ?? 0
    // The port of one challenge may be closed where the other's is open.
    const preferred = failures % 2 === 0 ? 'http-01' : 'tls-alpn-01'
    const startedAt = now()
    try {
      const certificate = await authority.order({ domain, preferred, signal })
      await keep(certificate)
      if (attempts.delete(domain)) await this.#options.writeAttempts(attempts)
      const { notAfter, issuer } = certificate
      log.info('certificate.issued', { domain, issuer, notAfter, tookMs: now() - startedAt })
      return certificate
    } catch (error) {
      signal.throwIfAborted()
      throw await this.#noteFailure(domain, { failures: failures + 1, error })
    } finally {
      this.#running.delete(domain)
      this.look()
    }
  }

  async #noteFailure(
    domain: string,
    { failures, error }: { failures: number; error: unknown },
  ): Promise<AppError> {
    const { attempts, writeAttempts, log, now, random } = this.#options
    const asked = error instanceof AcmeError ? error.retryAt : null
    const again = retryAt(failures, { now: now(), retryAt: asked, random: random() })
    const shown = orderError(domain, error, { retryAt: again })
    attempts.set(domain, { failures, at: now(), retryAt: again, message: shown.message })
    log.warn('certificate.not-issued', { domain, failures, retryAt: again, error: shown.message })
    try {
      await writeAttempts(attempts)
    } catch (cause) {
      // The wait holds in this process; the next one would only ask earlier.
      log.error('certificate.attempt-not-kept', { domain, error: cause })
    }
    return shown
  }

  /** Aborts what is under way; nothing is left on the proxies. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new AppError('busy', 'The daemon is being stopped'))
    clearTimeout(this.#timer)
    await Promise.allSettled(this.#running.values())
  }
}
