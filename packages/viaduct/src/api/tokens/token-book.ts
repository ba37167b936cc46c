/**
 * Who may talk to the API: tokens, by the sha256 of their secret, in the store.
 *
 * A secret has 256 random bits. A slow hash makes guessing of weak secrets dear; this one nobody
 * can guess, and a slow hash would only slow each request down.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { AppError } from '../../model/app-error.ts'
import { tokensMax } from '../../model/limits.ts'
import type { TokenResource } from '../../contract/resources.ts'
import type { Scope } from '../../contract/scope.ts'
import type { Store } from '../../store/store.ts'

/** Store key `tokens/ID`. A revoked one is kept, so that it is not made again. */
interface TokenRow {
  readonly schema: 1
  /** `t` + 12 hexadecimal digits. */
  readonly id: string
  /** Lower-case hexadecimal sha256 of the secret. */
  readonly hash: string
  readonly name: string
  readonly scopes: readonly Scope[]
  /** Apps that it is for. Absent: all there are. */
  readonly apps?: readonly string[]
  /** Unix milliseconds. */
  readonly createdAt: number
  readonly revokedAt: number | null
}

export class TokenBook implements Disposable {
  readonly #store: Store
  readonly #rows: Map<string, TokenRow>
  readonly #unwatch: () => void

  private constructor(store: Store, rows: readonly TokenRow[]) {
    this.#store = store
    this.#rows = new Map(rows.map((row) => [row.id, row]))
    this.#unwatch = store.watch('tokens/', (change) => {
      if (change.type === 'delete') this.#rows.delete(change.key.slice('tokens/'.length))
      else this.#keep(change.entry.value as TokenRow)
    })
  }

  /** Reads all tokens; from then on it follows the store. */
  static async open(store: Store): Promise<TokenBook> {
    const entries = await store.list<TokenRow>('tokens/')
    return new TokenBook(
      store,
      entries.map((entry) => entry.value),
    )
  }

  [Symbol.dispose](): void {
    this.#unwatch()
  }

  /**
   * The token with this secret, null when it is unknown or revoked. Takes the same time for every
   * secret: each row is compared, in constant time.
   */
  find(secret: string): TokenResource | null {
    const hash = hashOf(secret)
    let found: TokenRow | null = null
    for (const row of this.#rows.values()) {
      const same = timingSafeEqual(hash, Buffer.from(row.hash, 'hex'))
      if (same && row.revokedAt === null) found = row
    }
    return found && render(found)
  }

  /** True when a token with this secret was ever there, revoked or not. */
  knows(secret: string): boolean {
    const hash = hashOf(secret).toString('hex')
    return this.#rows.values().some((row) => row.hash === hash)
  }

  /** By time of creation. */
  list(): TokenResource[] {
    return [...this.#rows.values()].sort((a, b) => a.createdAt - b.createdAt).map(render)
  }

  /**
   * @param token.secret Default: a new one. The only place where it can be seen is the result.
   * @throws {AppError} `busy` when there are `tokensMax` of them.
   */
  async create(token: {
    name: string
    scopes: readonly Scope[]
    /** Default: all there are. */
    apps?: readonly string[] | undefined
    secret?: string
  }): Promise<{ token: TokenResource; secret: string }> {
    const active = this.#rows.values().filter((row) => row.revokedAt === null)
    if ([...active].length >= tokensMax) {
      throw new AppError('busy', `There are ${tokensMax} tokens already`, {
        hint: 'Revoke one that is not used.',
        data: { limit: tokensMax },
      })
    }
    const secret = token.secret ?? makeSecret()
    const row: TokenRow = {
      schema: 1,
      id: `t${randomBytes(6).toString('hex')}`,
      hash: hashOf(secret).toString('hex'),
      name: token.name,
      scopes: token.scopes,
      ...(token.apps && { apps: token.apps }),
      createdAt: Date.now(),
      revokedAt: null,
    }
    await this.#store.write([{ put: `tokens/${row.id}`, value: row, revision: 0 }])
    this.#keep(row)
    return { token: render(row), secret }
  }

  /**
   * Refuses the token from now on. Idempotent.
   *
   * @throws {AppError} `not-found`
   */
  async revoke(id: string): Promise<void> {
    const row = this.#rows.get(id)
    if (!row) throw new AppError('not-found', `There is no token ${JSON.stringify(id)}`)
    if (row.revokedAt !== null) return
    const revoked = { ...row, revokedAt: Date.now() }
    await this.#store.write([{ put: `tokens/${id}`, value: revoked }])
    this.#keep(revoked)
  }

  #keep(row: TokenRow): void {
    this.#rows.set(row.id, row)
  }
}

/** 256 random bits, with a prefix that secret scanners can look for. */
export function makeSecret(): string {
  return `vdt_${randomBytes(32).toString('base64url')}`
}

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

function render({ id, name, scopes, apps, createdAt, revokedAt }: TokenRow): TokenResource {
  return { id, name, scopes, apps: apps ?? null, createdAt, revokedAt }
}
