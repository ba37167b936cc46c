/**
 * From the name that a client asks for to a certificate: the TLS snapshot as this worker has it.
 *
 * A new snapshot touches no connection: contexts are made when a client first needs them and kept
 * by certificate, those in use live on in their connections. Where TLS is not used, `node:tls` (2.4
 * MB of private memory) is not loaded.
 */
import type { SecureContext, Server, TLSSocket, TlsOptions } from 'node:tls'
import type { TlsCertificate, TlsChallenge, TlsTable } from '../../model/tls/tls-table.ts'

/** The protocol of a TLS-ALPN-01 challenge: after its handshake the connection is to be closed. */
export const acmeProtocol = 'acme-tls/1'

/**
 * The same in every worker: by default it comes from the command line, which differs by the slot,
 * and a session of one worker would be refused by the others.
 */
const sessionIdContext = 'viaduct'

type Keys = Pick<TlsCertificate, 'certPem' | 'keyPem'>

export class CertTable {
  #table: TlsTable | null = null
  readonly #exact = new Map<string, TlsCertificate>()
  /** By the part after the `*`, with its dot. */
  readonly #wildcards = new Map<string, TlsCertificate>()
  readonly #challenges = new Map<string, TlsChallenge>()
  /** By `certPem`. */
  #contexts = new Map<string, SecureContext>()
  readonly #servers = new Set<Server>()
  #hasHttpChallenges = false

  /** 0: there has been no snapshot yet. */
  get generation(): number {
    return this.#table?.generation ?? 0
  }

  /** @returns False when the generation is not newer than the one in force. */
  apply(table: TlsTable): boolean {
    if (table.generation <= this.generation) return false
    this.#table = table
    this.#exact.clear()
    this.#wildcards.clear()
    this.#challenges.clear()
    for (const certificate of table.certificates) {
      for (const name of certificate.names) {
        const wild = name.startsWith('*.')
        const names = wild ? this.#wildcards : this.#exact
        const key = wild ? name.slice(1) : name
        if (!names.has(key)) names.set(key, certificate)
      }
    }
    for (const challenge of table.challenges) this.#challenges.set(challenge.domain, challenge)
    this.#hasHttpChallenges = Object.keys(table.httpChallenges).length > 0
    this.#forgetContexts(table)
    for (const server of this.#servers) this.#update(server)
    return true
  }

  /** Seldom true: nobody else has to look any further. */
  get hasHttpChallenges(): boolean {
    return this.#hasHttpChallenges
  }

  /** What a token's `GET /.well-known/acme-challenge/TOKEN` answers; undefined: 404. */
  httpChallenge(token: string): string | undefined {
    const answers = this.#table?.httpChallenges
    return answers && Object.hasOwn(answers, token) ? answers[token] : undefined
  }

  /** The certificate for a name, exact before wildcard; null when there is none. */
  find(servername: string): TlsCertificate | null {
    const name = servername.toLowerCase()
    const dot = name.indexOf('.')
    return this.#exact.get(name) ?? (dot > 0 ? this.#wildcards.get(name.slice(dot)) : null) ?? null
  }

  /**
   * Options of a `tls.Server` that takes its certificates from here, whatever snapshot comes.
   *
   * @param protocols What ALPN may choose, the preferred one first. A client that offers none of
   * them is refused; one that does not offer any gets no protocol.
   */
  serverOptions(protocols: readonly string[]): TlsOptions {
    const challengeOf = (name: string): TlsChallenge | undefined => this.#challenge(name)
    const contextOf = (name: string): SecureContext | undefined => this.#contextOf(name)
    const contextFor = (keys: Keys): SecureContext => this.#contextFor(keys)
    /** TLS 1.3 asks for the protocol before the name, 1.2 after it. */
    const challenged = new WeakSet<TLSSocket>()
    return {
      ...this.#ownContext(),
      sessionIdContext,
      SNICallback(this: TLSSocket, servername, done) {
        const challenge = challenged.has(this) ? challengeOf(servername) : undefined
        done(null, challenge ? contextFor(challenge) : contextOf(servername))
      },
      ALPNCallback(this: TLSSocket, { servername, protocols: offered }) {
        if (!offered.includes(acmeProtocol)) return protocols.find((one) => offered.includes(one))
        const challenge = challengeOf(servername)
        if (!challenge) return undefined
        challenged.add(this)
        this.setKeyCert(contextFor(challenge))
        return acmeProtocol
      },
    }
  }

  /** For good: keeps the server's own context in step: certificate, versions, ticket keys. */
  attach(server: Server): void {
    this.#servers.add(server)
    this.#update(server)
  }

  #update(server: Server): void {
    server.setSecureContext({ ...this.#ownContext(), sessionIdContext })
  }

  /** For a client that is not told apart by name: without a certificate its handshake fails. */
  #ownContext(): TlsOptions {
    const table = this.#table
    if (!table) return {}
    const [ticketKey] = table.ticketKeys
    return {
      minVersion: table.minVersion,
      ...(ticketKey !== undefined && { ticketKeys: Buffer.from(ticketKey, 'base64') }),
      ...(table.unknownName === 'default' && {
        cert: table.defaultCertificate.certPem,
        key: table.defaultCertificate.keyPem,
      }),
    }
  }

  /** undefined: the server's own context. */
  #contextOf(servername: string): SecureContext | undefined {
    const certificate = this.find(servername)
    if (certificate) return this.#contextFor(certificate)
    if (this.#table?.unknownName === 'default') return undefined
    // The certificate authority asks before there is one; ALPN says later whether it was that.
    const challenge = this.#challenge(servername)
    return challenge && this.#contextFor(challenge)
  }

  #challenge(servername: string): TlsChallenge | undefined {
    return this.#challenges.get(servername.toLowerCase())
  }

  #contextFor(keys: Keys): SecureContext {
    const known = this.#contexts.get(keys.certPem)
    if (known) return known
    const { createSecureContext } = process.getBuiltinModule('node:tls')
    const { certPem: cert, keyPem: key } = keys
    const made = createSecureContext({ cert, key })
    this.#contexts.set(cert, made)
    return made
  }

  #forgetContexts(table: TlsTable): void {
    if (this.#contexts.size === 0) return
    const wanted = new Set([...table.certificates, ...table.challenges].map((one) => one.certPem))
    this.#contexts = new Map([...this.#contexts].filter(([certPem]) => wanted.has(certPem)))
  }
}
