/**
 * A certificate authority that speaks ACME: one call, from a domain to a checked certificate. Our
 * own, over `node:https` and `node:crypto`; why is docs/decisions/0006-acme-is-our-own.md.
 */
import { readFile } from 'node:fs/promises'
import { AppError, messageOf } from '../../model/app-error.ts'
import type { Certificate } from '../../model/tls/certificate.ts'
import { checkCertificate } from '../own/check-certificate.ts'
import { accountKey, enterAccount, forgetAccountUrl } from './account-file.ts'
import { AcmeError } from './acme-problem.ts'
import { AcmeSession, type NewAccount } from './acme-session.ts'
import { type ChallengeBoard, type ChallengeType, orderCertificate } from './order-certificate.ts'

export interface AuthorityOptions {
  readonly directoryUrl: string
  /** PEM of the only authority to trust for the directory itself; null: the public ones. */
  readonly caFile: string | null
  readonly account: NewAccount
  /** Where the account's key is kept. */
  readonly accountsFile: string
  readonly board: ChallengeBoard
  readonly userAgent: string
  readonly now: () => number
}

export class Authority {
  readonly #options: AuthorityOptions
  /** Orders that begin together make one account, not one each. */
  #entering: Promise<unknown> = Promise.resolve()

  constructor(options: AuthorityOptions) {
    this.#options = options
  }

  /**
   * @param order.preferred The challenge to take when the authority offers both.
   * @throws {AcmeError} What the authority said.
   * @throws {AppError} `bad-certificate` when what it gave is none; `disk-full`.
   */
  async order(order: {
    domain: string
    preferred: ChallengeType
    signal: AbortSignal
  }): Promise<Certificate> {
    const { directoryUrl, accountsFile, board, now } = this.#options
    const { domain, preferred, signal } = order
    const { session, key } = await this.#enter(signal)
    try {
      const made = await orderCertificate({
        ...{ session, accountKey: key, domain, preferred, board, now, signal },
      })
      return checkCertificate({ domain, ...made }, { source: 'acme', now: now() })
    } catch (error) {
      const isLost = error instanceof AcmeError && error.type === 'accountDoesNotExist'
      if (isLost) await forgetAccountUrl(accountsFile, directoryUrl)
      throw error
    }
  }

  async #enter(signal: AbortSignal) {
    const { directoryUrl, accountsFile: path, account, userAgent, now } = this.#options
    const ca = await this.#readCa()
    const entering = this.#entering.then(async () => {
      const key = await accountKey(path, directoryUrl)
      const session = new AcmeSession({ directoryUrl, ca, userAgent }, { key, signal, now })
      await enterAccount(path, { directoryUrl, session, account })
      return { session, key }
    })
    this.#entering = entering.catch(() => null) // It is the caller's to see.
    return await entering
  }

  async #readCa(): Promise<string | null> {
    const { caFile } = this.#options
    if (caFile === null) return null
    try {
      return await readFile(caFile, 'utf8')
    } catch (cause) {
      throw new AppError('bad-setting', `The file of --acme-ca-file cannot be read`, {
        hint: messageOf(cause),
        ...{ data: { file: caFile }, cause },
      })
    }
  }
}
