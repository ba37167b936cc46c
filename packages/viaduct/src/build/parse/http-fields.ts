/**
 * Reads `http`: how an app's requests are treated on their way. The same readers serve the
 * manifest, where errors name the line, and what comes by the API. What the keys mean is
 * `model/routing/http-options.ts`.
 */
import { isIP } from 'node:net'
import { AppError } from '../../model/app-error.ts'
import { parseDomain } from '../../model/tls/certificate.ts'
import type {
  BasicUser,
  HttpOptions,
  RateLimit,
  WebSocketPolicy,
} from '../../model/routing/http-options.ts'
import { basicUsersMax, errorPageMaxChars, networksMax } from '../../model/limits.ts'
import {
  integer,
  list,
  object,
  type Reader,
  record,
  text,
  truth,
  wrong,
} from './manifest-fields.ts'
import { readJson } from './read-json.ts'

const hourMs = 3_600_000
const file = 'viaduct.json'

const canonicalHost: Reader<string> = (at, field) => {
  const isName = (value: string): boolean => !value.startsWith('*') && isDomain(value)
  return text('a host name such as "www.example.org"', isName)(at, field).toLowerCase()
}

const rateLimit = required<RateLimit>(
  {
    requests: integer(1, 1_000_000),
    perMs: integer(1, 24 * hourMs, 'milliseconds'),
    burst: integer(1, 1_000_000),
  },
  ['requests', 'perMs'],
)

const basicUser = required<BasicUser>(
  {
    name: text('a name without ":"', (value) => /^[^:\p{Cc}]{1,80}$/u.test(value)),
    passwordHash: text('"scrypt:SALT:KEY", as "viaduct http add-user" makes it', (value) =>
      /^scrypt:[\w-]{16,100}:[\w-]{40,200}$/.test(value),
    ),
  },
  ['name', 'passwordHash'],
)

const networks = atMost(
  networksMax,
  text('an address or network such as "10.0.0.0/8"', (value) => isNetwork(value)),
)

const errorPage = text(`HTML of at most ${errorPageMaxChars} characters`, (value) => {
  return value.length <= errorPageMaxChars
})

const limit = integer(1, 1_000_000)
const upToAnHour = integer(1, hourMs, 'milliseconds')

/** Every key of `HttpOptions`, and no other. */
export const httpOptions: Reader<HttpOptions> = object<HttpOptions>({
  redirectToHttps: truth,
  canonicalHost,
  hsts: required<NonNullable<HttpOptions['hsts']>>(
    { maxAgeS: integer(0, 63_072_000, 'seconds'), includeSubDomains: truth },
    ['maxAgeS'],
  ),
  basicAuth: required<NonNullable<HttpOptions['basicAuth']>>(
    {
      realm: text(
        'text without quotes',
        (value) => /^[\x20-\x7e]{1,80}$/.test(value) && !/["\\]/.test(value),
      ),
      users: atMost(basicUsersMax, basicUser),
    },
    ['users'],
  ),
  allow: networks,
  deny: networks,
  rateLimit: object<NonNullable<HttpOptions['rateLimit']>>({
    perClient: rateLimit,
    perApp: rateLimit,
  }),
  bodyMaxBytes: integer(0, 2 ** 40, 'bytes'),
  errorPages: record(errorPage, (key, at, field) => {
    if (!/^[45](?:[0-9]{2}|xx)$/.test(key)) throw wrong(at, field, 'a key such as "503" or "5xx"')
  }),
  compress: truth,
  protocol: oneOf('http/1.1', 'h2c'),
  connectTimeoutMs: upToAnHour,
  headTimeoutMs: integer(1, 24 * hourMs, 'milliseconds'),
  idleBodyTimeoutMs: integer(1, 24 * hourMs, 'milliseconds'),
  instanceRequestsMax: limit,
  appRequestsMax: limit,
  queueMax: integer(0, 1_000_000),
  queueTimeoutMs: integer(0, hourMs, 'milliseconds'),
  ejectAfterFailures: integer(0, 1_000_000),
  ejectForMs: upToAnHour,
  slowStartMs: integer(0, hourMs, 'milliseconds'),
  webSockets: required<WebSocketPolicy>(
    { onDeploy: oneOf('keep', 'close'), spreadMs: integer(0, hourMs, 'milliseconds') },
    ['onDeploy'],
  ),
})

/**
 * Reads options that did not come from a file.
 *
 * @throws {AppError} `bad-http-option` with `data.field`, e.g. `rateLimit.perClient.requests`.
 */
export function parseHttpOptions(value: unknown): HttpOptions {
  const at = readJson(JSON.stringify(value), { file, comments: false })
  try {
    return httpOptions(at, '')
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const message = error.message.replace(/^viaduct\.json line \d+: /, '')
    throw new AppError('bad-http-option', message, { data: { field: error.data['field'] } })
  }
}

function oneOf<const T extends string>(...values: readonly T[]): Reader<T> {
  const isOne = (value: string): value is T => (values as readonly string[]).includes(value)
  const wanted = values.map((value) => `"${value}"`).join(' or ')
  return (at, field) => {
    const value = text(wanted, isOne)(at, field)
    return value as T
  }
}

function atMost<T>(max: number, element: Reader<T>): Reader<readonly T[]> {
  return (at, field) => {
    const all = list(element)(at, field)
    if (all.length > max) throw wrong(at, field, `at most ${max}`)
    return all
  }
}

/** As `object`, but these keys must be there. */
function required<T>(
  fields: Parameters<typeof object<T>>[0],
  keys: readonly (keyof T & string)[],
): Reader<T> {
  const read = object<T>(fields)
  return (at, field) => {
    const value = read(at, field)
    for (const key of keys) {
      if (value[key] === undefined) throw wrong(at, field, `a key "${key}"`)
    }
    return value as T
  }
}

function isNetwork(value: string): boolean {
  const [address = '', bits, ...more] = value.split('/')
  const version = isIP(address)
  if (version === 0 || more.length > 0 || address.includes('%')) return false
  if (bits === undefined) return true
  return /^(?:0|[1-9][0-9]{0,2})$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)
}

function isDomain(value: string): boolean {
  try {
    parseDomain(value)
    return true
  } catch (error) {
    if (error instanceof AppError) return false
    throw error
  }
}
