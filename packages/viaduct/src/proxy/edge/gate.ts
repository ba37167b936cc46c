/**
 * What is decided about a request before an instance is looked for, in this order: who may come,
 * maintenance, where it should have come, how often this client, who it is, how often anybody, how
 * large, and whether a file answers it. An app that asks for nothing of it has no gate.
 */
import type { HttpOptions, RateLimit } from '../../model/routing/http-options.ts'
import type { AppRoute, Maintenance } from '../../model/routing/route.ts'
import type { ResponseHead } from '../http/response-head.ts'
import { AddressList } from './address-list.ts'
import { type Answer, BasicAuth } from './auth/basic-auth.ts'
import { type Coding, codingFor } from './encoder.ts'
import { localHead } from './local-head.ts'
import { clientKey, RateLimiter } from './rate-limiter.ts'
import { StaticFiles } from './static-files.ts'
import type { Visit, Visitor } from './visit.ts'

const key = Symbol('the options that a gate was made of')

export class Gate {
  readonly [key]: string
  readonly #options: HttpOptions
  readonly #maintenance: Maintenance | null
  readonly #allow: AddressList | null
  readonly #deny: AddressList | null
  readonly #auth: BasicAuth | null
  readonly #perClient: RateLimiter | null
  readonly #perApp: RateLimiter | null
  readonly #files: StaticFiles | null

  /** @param before Of this app: what it knows of clients stays while its options are the same. */
  constructor(route: AppRoute, before: Gate | null) {
    const options = route.http ?? {}
    const { allow, deny, basicAuth, rateLimit } = options
    this[key] = keyOf(route)
    this.#options = options
    this.#maintenance = route.maintenance ?? null
    this.#allow = allow ? new AddressList(allow) : null
    this.#deny = deny ? new AddressList(deny) : null
    const users = before !== null && before.#has('basicAuth', options) ? before : null
    this.#auth = users ? users.#auth : basicAuth ? new BasicAuth(basicAuth) : null
    const counts = before !== null && before.#has('rateLimit', options) ? before : null
    this.#perClient = counts ? counts.#perClient : limiterOf(rateLimit?.perClient)
    this.#perApp = counts ? counts.#perApp : limiterOf(rateLimit?.perApp)
    const dirs = servedBy(route)
    this.#files = dirs.length > 0 ? new StaticFiles(dirs, { isAll: !expectsInstance(route) }) : null
  }

  #has(name: 'basicAuth' | 'rateLimit', options: HttpOptions): boolean {
    return JSON.stringify(this.#options[name]) === JSON.stringify(options[name])
  }

  /** HTML for an answer of the platform; empty: its own sentence. */
  pageFor(status: number): string {
    if (this.#maintenance?.page && status === 503) return this.#maintenance.page
    const pages = this.#options.errorPages
    return pages?.[status] ?? pages?.[`${Math.floor(status / 100)}xx`] ?? ''
  }

  /** Field lines for every answer over TLS. */
  get secureFields(): string {
    const { hsts } = this.#options
    if (!hsts) return ''
    const rest = hsts.includeSubDomains ? '; includeSubDomains' : ''
    return `Strict-Transport-Security: max-age=${hsts.maxAgeS}${rest}\r\n`
  }

  /** How a response is to be compressed; null: not. */
  codingFor(head: ResponseHead, visit: Visit): Coding | null {
    const isAsked = this.#options.compress === true && visit.method !== 'HEAD'
    return isAsked ? codingFor(head, visit.field('accept-encoding')) : null
  }

  get bodyMaxBytes(): number {
    return this.#options.bodyMaxBytes ?? Infinity
  }

  /** Calls one of the visitor's ways to go on, now or later. */
  admit(visit: Visit, visitor: Visitor): void {
    if (this.#isDenied(visit.address)) return visitor.fail('denied')
    if (this.#maintenance !== null) {
      const { retryAfterS } = this.#maintenance
      return visitor.fail('maintenance', `Retry-After: ${retryAfterS}\r\n`)
    }
    const elsewhere = this.#redirect(visit)
    if (elsewhere !== null) return visitor.answer(redirectHead(elsewhere), '')
    // Before the password, or guessing would have no limit.
    const client = this.#perClient?.take(clientKey(visit.address), visit.context.now) ?? 0
    if (client > 0) return visitor.fail('rate-limited', retryAfter(client))
    const answer = this.#auth?.check(visit.field('authorization')) ?? 'yes'
    if (typeof answer === 'string') return this.#afterAuth(answer, visit, visitor)
    const { ticket } = visitor
    void answer.then((known) => {
      if (visitor.ticket !== ticket || visitor.isDone) return
      this.#afterAuth(known, visit, visitor)
    })
  }

  #afterAuth(answer: Answer, visit: Visit, visitor: Visitor): void {
    if (answer === 'busy') return visitor.fail('auth-busy')
    if (answer === 'no') {
      const challenge = this.#auth?.challenge ?? ''
      return visitor.fail('unauthorized', `WWW-Authenticate: ${challenge}\r\n`)
    }
    const waitMs = this.#perApp?.take('', visit.context.now) ?? 0
    if (waitMs > 0) return visitor.fail('rate-limited', retryAfter(waitMs))
    if (visit.contentLength > this.bodyMaxBytes) return visitor.fail('body-too-large')
    if (this.#files === null) return visitor.place()
    this.#files.serve(visit, visitor)
  }

  #isDenied(address: string): boolean {
    if (this.#deny?.has(address)) return true
    return this.#allow !== null && !this.#allow.has(address)
  }

  #redirect(visit: Visit): string | null {
    const { proto, hostname, target } = visit
    const { redirectToHttps, canonicalHost } = this.#options
    const host = canonicalHost ?? hostname
    const httpsPort = redirectToHttps && proto === 'http' ? visit.context.httpsPortOf(host) : null
    if (host === hostname && httpsPort === null) return null
    // Who stays with http, or https, stays at the port where it came.
    const port = httpsPort === null ? visit.port : httpsPort === 443 ? '' : `:${httpsPort}`
    const path = target === '*' ? '/' : target
    return `${httpsPort === null ? proto : 'https'}://${host}${port}${path}`
  }
}

function limiterOf(limit: RateLimit | undefined): RateLimiter | null {
  return limit ? new RateLimiter(limit) : null
}

function retryAfter(waitMs: number): string {
  return `Retry-After: ${Math.ceil(waitMs / 1000)}\r\n`
}

/** @returns The gate of before when nothing changed that it is made of, so that its counts stay. */
export function gateOf(route: AppRoute, before: Gate | null): Gate | null {
  if (before !== null && before[key] === keyOf(route)) return before
  const { http, maintenance, staticDirs } = route
  const isAsked =
    maintenance ||
    staticDirs?.length ||
    http?.redirectToHttps ||
    http?.canonicalHost ||
    http?.hsts ||
    http?.basicAuth ||
    http?.allow ||
    http?.deny ||
    http?.rateLimit ||
    http?.bodyMaxBytes ||
    http?.errorPages ||
    http?.compress
  return isAsked ? new Gate(route, before) : null
}

function keyOf(route: AppRoute): string {
  const { http, maintenance } = route
  const folders = servedBy(route)
  return JSON.stringify([http, maintenance, folders, expectsInstance(route)])
}

/** What was stopped serves nothing, files neither. */
function servedBy({ staticDirs = [], whenEmpty }: AppRoute): readonly string[] {
  return whenEmpty === 'stopped' ? [] : staticDirs
}

/** An app whose files are all there is has no process that serves. */
function expectsInstance({ upstreams, whenEmpty }: AppRoute): boolean {
  return upstreams.length > 0 || whenEmpty === 'hold'
}

/** The method and the body stay as they were (RFC 9110 §15.4.9). */
function redirectHead(location: string): ResponseHead {
  return localHead(308, `308 Permanent Redirect\r\nLocation: ${location}\r\n`, 0)
}
