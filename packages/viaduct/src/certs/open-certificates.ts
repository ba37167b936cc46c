/**
 * The certificates of a node: those that users gave, those that an authority issued for the routed
 * domains, and a self-signed one for everybody else; published to the proxies as one snapshot.
 *
 * It is told which domains are routed (`want`) and how proxies are told (`publish`); it knows
 * neither routes nor proxies.
 */
import type { Settings } from '../settings/settings.ts'
import { AppError, messageOf } from '../model/app-error.ts'
import { type Certificate, covers, parseDomain } from '../model/tls/certificate.ts'
import { certificateCheckMs, certificatesMax } from '../model/limits.ts'
import type { Log } from '../model/log.ts'
import type { TlsTable } from '../model/tls/tls-table.ts'
import { Authority } from './acme/authority.ts'
import type { ChallengeAnswer } from './acme/order-certificate.ts'
import { CertificateFiles } from './certificate-files.ts'
import { openDefault } from './default-certificate.ts'
import { checkCertificate } from './own/check-certificate.ts'
import type { Attempt } from './renew/plan-renewals.ts'
import { Renewals } from './renew/renewals.ts'
import { TlsBook, type TlsContent } from './tls-book.ts'
import { type CertificateView, viewDomain } from './view-domain.ts'

export type CertificateSettings = Pick<
  Settings,
  | 'acmeEmail'
  | 'acmeDirectoryUrl'
  | 'acmeCaFile'
  | 'acmeEabKeyId'
  | 'acmeEabKey'
  | 'tlsMinVersion'
  | 'unknownName'
>

export interface CertificatesOptions {
  /** `DIR/certs` */
  readonly dir: string
  /** `DIR/run/tls.json` */
  readonly tablePath: string
  readonly settings: CertificateSettings
  /** Resolves when every living proxy works by the snapshot. */
  readonly publish: (table: TlsTable) => Promise<void>
  readonly userAgent: string
  readonly log: Log
  readonly now: () => number
  /** In [0, 1). */
  readonly random: () => number
}

/** What the API can ask. */
export interface CertificateBook {
  /** Certificates, and routed domains that have none, by domain. */
  list(): CertificateView[]
  /**
   * Takes a user's certificate: from its answer on new connections get it.
   *
   * @throws {AppError} `bad-domain`, `bad-certificate`, `busy`, `disk-full`; nothing has changed.
   */
  add(domain: string, pem: { certPem: string; keyPem: string }): Promise<CertificateView>
  /** @throws {AppError} `certificate-not-found` */
  remove(domain: string): Promise<void>
  /**
   * Orders a certificate now. Resolves when it is served.
   *
   * @throws {AppError} `bad-domain`, `acme-off`, `acme-failed`, `exists` (a user gave one)
   */
  renew(domain: string): Promise<CertificateView>
}

export interface Certificates extends CertificateBook, AsyncDisposable {
  /** The host names that are routed from now on. */
  want(hosts: Iterable<string>): void
  /** A proxy works by a snapshot of a later generation than it was given. */
  overtake(generation: number): Promise<void>
}

/**
 * Publishes what is there; orders begin with the first `want`.
 *
 * @throws {AppError} `data-damaged`, `data-newer`, `disk-full`
 */
export async function openCertificates(options: CertificatesOptions): Promise<Certificates> {
  const files = new CertificateFiles(options.dir)
  const found = await files.open()
  const book = new Book(options, {
    files,
    found: new Map(found.map((one) => [one.domain, one])),
    attempts: await files.readAttempts(options.now()),
    fallback: await openDefault(files, options.now()),
  })
  await book.start()
  return book
}

class Book implements Certificates {
  readonly #options: CertificatesOptions
  readonly #files: CertificateFiles
  readonly #certificates: Map<string, Certificate>
  readonly #attempts: Map<string, Attempt>
  readonly #answers = new Set<ChallengeAnswer>()
  /** null: no e-mail address was given, nothing is ordered. */
  readonly #renewals: Renewals | null
  #fallback: Certificate
  #wanted: ReadonlySet<string> = new Set()
  #tls: TlsBook | null = null
  #timer: NodeJS.Timeout | undefined

  constructor(
    options: CertificatesOptions,
    state: {
      files: CertificateFiles
      found: Map<string, Certificate>
      attempts: Map<string, Attempt>
      fallback: Certificate
    },
  ) {
    this.#options = options
    this.#files = state.files
    this.#certificates = state.found
    this.#attempts = state.attempts
    this.#fallback = state.fallback
    this.#renewals = this.#makeRenewals()
  }

  async start(): Promise<void> {
    const { tablePath: path, publish, now } = this.#options
    this.#tls = await TlsBook.open({ path, publish, now, content: () => this.#content() })
    await this.#publish()
    this.#timer = setInterval(() => void this.#lookAfter(), certificateCheckMs)
    this.#timer.unref()
  }

  list(): CertificateView[] {
    const domains = new Set([...this.#certificates.keys(), ...this.#wanted])
    const names = this.#names()
    return [...domains].sort().flatMap((domain) => this.#view(domain, names) ?? [])
  }

  async add(text: string, pem: { certPem: string; keyPem: string }): Promise<CertificateView> {
    const domain = parseDomain(text)
    const certificate = checkCertificate(
      { domain, ...pem },
      { source: 'own', now: this.#options.now() },
    )
    this.#checkRoom(domain)
    await this.#keep(certificate)
    const { id, notAfter, issuer } = certificate
    this.#options.log.info('certificate.added', { domain, id, issuer, notAfter })
    return this.#view(domain) as CertificateView
  }

  async remove(text: string): Promise<void> {
    const domain = parseDomain(text)
    if (!this.#certificates.has(domain)) {
      throw new AppError('certificate-not-found', `There is no certificate for ${domain}`)
    }
    await this.#files.remove(domain)
    this.#certificates.delete(domain)
    await this.#publish()
    this.#options.log.info('certificate.removed', { domain })
    this.#renewals?.look()
  }

  async renew(text: string): Promise<CertificateView> {
    const domain = parseDomain(text)
    const own = [...this.#certificates.values()].find(
      ({ source, names }) => source === 'own' && names.some((name) => covers(name, domain)),
    )
    if (own) {
      throw new AppError('exists', `${domain} has a certificate of your own`, {
        hint: `Give the new one with "viaduct certs add ${own.domain}", or remove it first.`,
      })
    }
    if (domain.startsWith('*.')) {
      throw new AppError('bad-domain', `${domain} cannot be ordered: its proof would need DNS`, {
        hint: 'Give a certificate of your own for it with "viaduct certs add".',
      })
    }
    if (!this.#renewals) {
      throw new AppError('acme-off', 'No certificates are ordered: nobody agreed to the terms')
    }
    this.#checkRoom(domain)
    await this.#renewals.order(domain)
    return this.#view(domain) as CertificateView
  }

  want(hosts: Iterable<string>): void {
    const wanted = new Set(hosts)
    // Routes change with each deploy, their hosts seldom.
    if (isSame(wanted, this.#wanted)) return
    this.#wanted = wanted
    this.#renewals?.want(this.#wanted)
  }

  async overtake(generation: number): Promise<void> {
    await this.#tls?.overtake(generation)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.#renewals?.[Symbol.asyncDispose]()
  }

  #checkRoom(domain: string): void {
    if (this.#certificates.size < certificatesMax || this.#certificates.has(domain)) return
    throw new AppError('busy', `There are ${certificatesMax} certificates, which is the most`, {
      hint: 'Remove one, or give one with a wildcard.',
    })
  }

  #makeRenewals(): Renewals | null {
    const { settings, userAgent, log, now, random } = this.#options
    if (settings.acmeEmail === null) return null
    const { acmeEabKeyId: keyId, acmeEabKey: macKey } = settings
    const authority = new Authority({
      ...{ directoryUrl: settings.acmeDirectoryUrl, caFile: settings.acmeCaFile, userAgent, now },
      account: {
        email: settings.acmeEmail,
        externalAccount: keyId !== null && macKey !== null ? { keyId, macKey } : null,
      },
      accountsFile: this.#files.accounts,
      board: {
        put: async (answer) => {
          this.#answers.add(answer)
          await this.#publish()
        },
        remove: async (answer) => {
          this.#answers.delete(answer)
          await this.#publish()
        },
      },
    })
    return new Renewals({
      ...{ authority, attempts: this.#attempts, log, now, random },
      certificates: () => [...this.#certificates.values()],
      keep: (certificate) => this.#keep(certificate),
      writeAttempts: (attempts) => this.#files.writeAttempts(attempts),
    })
  }

  async #keep(certificate: Certificate): Promise<void> {
    const { domain } = certificate
    const before = this.#certificates.get(domain)
    await this.#files.write(certificate)
    this.#certificates.set(domain, certificate)
    try {
      await this.#publish()
    } catch (error) {
      // The proxies do not have it: neither may the next daemon.
      if (before) this.#certificates.set(domain, before)
      else this.#certificates.delete(domain)
      await (before ? this.#files.write(before) : this.#files.remove(domain))
      throw error
    }
  }

  async #publish(): Promise<void> {
    await this.#tls?.publish()
  }

  /** Ticket keys and the default certificate grow old, whether ACME is on or not. */
  async #lookAfter(): Promise<void> {
    const { now, log } = this.#options
    try {
      const before = this.#fallback
      this.#fallback = await openDefault(this.#files, now())
      const ticketsExpired = this.#tls !== null && this.#tls.ticketsExpireAt <= now()
      if (ticketsExpired || before.id !== this.#fallback.id) await this.#publish()
    } catch (error) {
      log.error('tls.not-renewed', { error: messageOf(error) })
    }
  }

  #content(): TlsContent {
    const { tlsMinVersion: minVersion, unknownName } = this.#options.settings
    const answers = [...this.#answers]
    const challenges = answers.flatMap((answer) => {
      if (answer.type !== 'tls-alpn-01') return []
      const { domain, certPem, keyPem } = answer
      return [{ domain, certPem, keyPem }]
    })
    const tokens = answers.flatMap((answer) =>
      answer.type === 'http-01' ? [[answer.token, answer.keyAuthorization] as const] : [],
    )
    return {
      certificates: [...this.#certificates.values()].sort(byPrecedence).map(tlsCertificate),
      defaultCertificate: tlsCertificate(this.#fallback),
      ...{ challenges, httpChallenges: Object.fromEntries(tokens), minVersion, unknownName },
    }
  }

  #names(): Set<string> {
    return new Set([...this.#certificates.values()].flatMap(({ names }) => names))
  }

  #view(domain: string, names = this.#names()): CertificateView | null {
    return viewDomain(domain, {
      ...{ certificates: this.#certificates, names },
      attempt: this.#attempts.get(domain) ?? null,
      isOrdering: this.#renewals?.ordering.has(domain) ?? false,
      isAutomatic: this.#renewals !== null && this.#wanted.has(domain),
      isRouted: this.#wanted.has(domain),
      now: this.#options.now(),
    })
  }
}

/** What a user gave comes before what was ordered, and then what is valid longest. */
function byPrecedence(a: Certificate, b: Certificate): number {
  return Number(b.source === 'own') - Number(a.source === 'own') || b.notAfter - a.notAfter
}

function tlsCertificate({ names, certPem, keyPem, notAfter }: Certificate) {
  return { names, certPem, keyPem, notAfter }
}

function isSame(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((one) => b.has(one))
}
