/**
 * HTTP basic authentication (RFC 7617). A password costs tens of milliseconds of a core to check,
 * on purpose; who was let in, or turned away, before is known again at once.
 */
import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import type { BasicUser, HttpOptions } from '../../model/http-options.ts'
import { basicAuthChecksMax, basicAuthKnownMax } from '../../model/limits.ts'

export type Answer = 'yes' | 'no' | 'busy'

export class BasicAuth {
  /** Value of `WWW-Authenticate`. */
  readonly challenge: string
  readonly #users: ReadonlyMap<string, BasicUser>
  readonly #known = new Map<string, Answer>()
  readonly #secret = randomBytes(32)
  #checking = 0

  constructor({ realm = 'Restricted', users }: NonNullable<HttpOptions['basicAuth']>) {
    this.challenge = `Basic realm="${realm.replaceAll(/["\\]/g, '')}", charset="UTF-8"`
    this.#users = new Map(users.map((user) => [user.name, user]))
  }

  /** @param authorization The field's value; empty when there is none. */
  check(authorization: string): Answer | Promise<Answer> {
    const encoded = /^basic +([a-z0-9+/=]+)$/i.exec(authorization)?.[1]
    if (encoded === undefined) return 'no'
    const key = createHmac('sha256', this.#secret).update(encoded).digest('base64url')
    const known = this.#known.get(key)
    if (known !== undefined) return known
    if (this.#checking >= basicAuthChecksMax) return 'busy'
    const credentials = Buffer.from(encoded, 'base64').toString('utf8')
    return this.#checkAnew(credentials, key)
  }

  async #checkAnew(credentials: string, key: string): Promise<Answer> {
    const colon = credentials.indexOf(':')
    const user = this.#users.get(credentials.slice(0, Math.max(0, colon)))
    this.#checking++
    try {
      // An unknown name takes as long as a known one.
      const hash = user?.passwordHash ?? `scrypt:AAAA:${'A'.repeat(43)}`
      const isRight = await matches(credentials.slice(colon + 1), hash)
      const answer = isRight && user !== undefined ? 'yes' : 'no'
      if (this.#known.size >= basicAuthKnownMax) this.#known.clear()
      this.#known.set(key, answer)
      return answer
    } finally {
      this.#checking--
    }
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
