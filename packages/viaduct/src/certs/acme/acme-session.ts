/**
 * Signed requests to one ACME server as one account (RFC 8555 §6): directory, nonces, and the
 * refusals that are to be tried again.
 */
import type { KeyObject } from 'node:crypto'
import { acmeBadNonceMax } from '../../model/limits.ts'
import { acmeError, AcmeError, parseRetryAfter } from './acme-problem.ts'
import { type AcmeRequest, type AcmeResponse, sendAcme } from './acme-http.ts'
import { bindExternalAccount, publicJwk, signJws } from './jws.ts'

export interface Directory {
  readonly newNonce: string
  readonly newAccount: string
  readonly newOrder: string
}

export interface AcmeServer {
  readonly directoryUrl: string
  readonly ca: string | null
  readonly userAgent: string
}

export interface NewAccount {
  readonly email: string
  /** null: the authority wants none. `macKey` is base64url. */
  readonly externalAccount: { readonly keyId: string; readonly macKey: string } | null
}

export interface AcmeAnswer extends AcmeResponse {
  readonly json: Record<string, unknown>
  readonly location: string | null
  readonly retryAt: number | null
}

export class AcmeSession {
  readonly #server: AcmeServer
  readonly #key: KeyObject
  readonly #signal: AbortSignal
  readonly #now: () => number
  #directory: Directory | null = null
  #nonces: string[] = []
  /** The account's URL, once it is known. */
  account: string | null = null

  constructor(
    server: AcmeServer,
    options: { key: KeyObject; signal: AbortSignal; now: () => number },
  ) {
    this.#server = server
    this.#key = options.key
    this.#signal = options.signal
    this.#now = options.now
  }

  /** @throws {AcmeError} */
  async directory(): Promise<Directory> {
    if (this.#directory) return this.#directory
    const response = await this.#send({ method: 'GET', url: this.#server.directoryUrl })
    const found = response.status === 200 ? parseObject(response.text) : {}
    const { newNonce, newAccount, newOrder } = found
    if (
      typeof newNonce !== 'string' ||
      typeof newAccount !== 'string' ||
      typeof newOrder !== 'string'
    ) {
      const came = `status ${response.status}`
      const { directoryUrl } = this.#server
      throw new AcmeError('bad-answer', `${directoryUrl} is not an ACME directory (${came})`)
    }
    return (this.#directory = { newNonce, newAccount, newOrder })
  }

  /**
   * Makes the account, or finds the one that the key has already.
   *
   * @throws {AcmeError}
   */
  async openAccount(account: NewAccount): Promise<string> {
    const { newAccount: url } = await this.directory()
    const { email, externalAccount } = account
    const answer = await this.#post(
      url,
      { jwk: publicJwk(this.#key) },
      {
        termsOfServiceAgreed: true,
        contact: [`mailto:${email}`],
        ...(externalAccount && {
          externalAccountBinding: bindExternalAccount(this.#key, { ...externalAccount, url }),
        }),
      },
    )
    if (answer.location === null) throw new AcmeError('bad-answer', 'A new account has no URL')
    return (this.account = answer.location)
  }

  /**
   * A request of the account; without `payload` it only reads.
   *
   * @throws {AcmeError} With what the server said and when to ask again.
   */
  post(url: string, payload?: unknown): Promise<AcmeAnswer> {
    return this.#post(url, { kid: this.account }, payload)
  }

  async #post(url: string, identity: object, payload: unknown): Promise<AcmeAnswer> {
    for (let badNonces = 0; ; badNonces++) {
      const header = { ...identity, nonce: await this.#nonce(), url }
      const body = JSON.stringify(signJws(this.#key, header, payload))
      const response = await this.#send({ method: 'POST', url, body })
      const { status, headers, text } = response
      const retryAt = parseRetryAfter(headers['retry-after'], this.#now())
      const isJson = /json/.test(headers['content-type'] ?? '')
      const json = isJson ? parseObject(text) : {}
      if (status < 300) {
        return { ...response, json, location: headers.location ?? null, retryAt }
      }
      if (!isJson) {
        const what = `status ${status} from ${new URL(url).host} without a reason`
        throw new AcmeError('bad-answer', what, { retryAt })
      }
      const error = acmeError(json, retryAt)
      if (error.type !== 'badNonce' || badNonces >= acmeBadNonceMax) throw error
    }
  }

  async #nonce(): Promise<string> {
    const kept = this.#nonces.pop()
    if (kept !== undefined) return kept
    const { newNonce } = await this.directory()
    const response = await this.#send({ method: 'HEAD', url: newNonce })
    const nonce = this.#nonces.pop()
    if (nonce !== undefined) return nonce
    throw new AcmeError('bad-answer', `${newNonce} gave no nonce (status ${response.status})`)
  }

  async #send(request: Pick<AcmeRequest, 'method' | 'url' | 'body'>): Promise<AcmeResponse> {
    const { ca, userAgent } = this.#server
    const response = await sendAcme({ ...request, ca, userAgent, signal: this.#signal })
    const nonce = response.headers['replay-nonce']
    if (typeof nonce === 'string') this.#nonces = [...this.#nonces.slice(-9), nonce]
    return response
  }
}

function parseObject(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>
  } catch (cause) {
    throw new AcmeError('bad-answer', 'The certificate authority sent what is not JSON', { cause })
  }
}
