/**
 * HTTP basic authentication (RFC 7617). A password costs tens of milliseconds of a core to check,
 * on purpose; who was let in, or turned away, before is known again at once.
 */
import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import type { BasicUser, HttpOptions } from '../../../model/routing/http-options.ts'
import {
  basicAuthChecksMax,
  basicAuthKnownMax,
  basicAuthWaitingMax,
  basicAuthWaitMaxMs,
} from '../../../model/proxy-limits.ts'
import { KnownSet } from './known-set.ts'
import { Turns } from './turns.ts'

export type Answer = 'yes' | 'no' | 'busy'

export class BasicAuth {
  /** Value of `WWW-Authenticate`. */
  readonly challenge: string
  readonly #users: ReadonlyMap<string, BasicUser>
  /** Apart: whoever guesses passwords pushes nobody out who knows one. */
  readonly #admitted = new KnownSet(basicAuthKnownMax)
  readonly #refused = new KnownSet(basicAuthKnownMax)
  /** What comes again while it is being checked, as a page's many requests do, waits for that. */
  readonly #checking = new Map<string, Promise<Answer>>()
  readonly #turns = new Turns({
    atOnce: basicAuthChecksMax,
    waitingMax: basicAuthWaitingMax,
    waitMaxMs: basicAuthWaitMaxMs,
  })
  /** What is known is a keyed hash: a copy of the memory holds no password. */
  readonly #secret = randomBytes(32)

  constructor({ realm = 'Restricted', users }: NonNullable<HttpOptions['basicAuth']>) {
    this.challenge = `Basic realm="${realm.replaceAll(/["\\]/g, '')}", charset="UTF-8"`
    this.#users = new Map(users.map((user) => [user.name, user]))
  }

  /** @param authorization The field's value; empty when there is none. */
  check(authorization: string): Answer | Promise<Answer> {
    const encoded = /^basic +([a-z0-9+/=]+)$/i.exec(authorization)?.[1]
    if (encoded === undefined) return 'no'
    const key = createHmac('sha256', this.#secret).update(encoded).digest('base64url')
    if (this.#admitted.has(key)) return 'yes'
    if (this.#refused.has(key)) return 'no'
    const checking = this.#checking.get(key)
    if (checking !== undefined) return checking
    const credentials = Buffer.from(encoded, 'base64').toString('utf8')
    const check = this.#checkInTurn(credentials, key).finally(() => this.#checking.delete(key))
    this.#checking.set(key, check)
    return check
  }

  async #checkInTurn(credentials: string, key: string): Promise<Answer> {
    if (!(await this.#turns.take())) return 'busy'
    try {
      const isAdmitted = await this.#isAdmitted(credentials)
      const known = isAdmitted ? this.#admitted : this.#refused
      known.add(key)
      return isAdmitted ? 'yes' : 'no'
    } finally {
      this.#turns.done()
    }
  }

  /** An unknown name takes as long as a known one. */
  async #isAdmitted(credentials: string): Promise<boolean> {
    const colon = credentials.indexOf(':')
    const user = this.#users.get(credentials.slice(0, Math.max(0, colon)))
    const hash = user?.passwordHash ?? `scrypt:AAAA:${'A'.repeat(43)}`
    return (await matches(credentials.slice(colon + 1), hash)) && user !== undefined
  }
}

async function matches(password: string, passwordHash: string): Promise<boolean> {
  const [, salt = '', wanted = ''] = passwordHash.split(':')
  const expected = Buffer.from(wanted, 'base64url')
  const key = await deriveKey(password, Buffer.from(salt, 'base64url'), expected.length)
  return key.length > 0 && timingSafeEqual(key, expected)
}

function deriveKey(password: string, salt: Buffer, bytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, bytes, (error, key) => (error ? reject(error) : resolve(key)))
  })
}
