/**
 * The fields of `http`: how an app's requests are treated on their way. What the keys mean is
 * `model/routing/http-options.ts`.
 */
import { isIP } from 'node:net'
import { AppError } from '../../model/app-error.ts'
import {
  basicUsersMax,
  ejectAfterFailures,
  ejectForMs,
  errorPageMaxChars,
  idleBodyTimeoutMs,
  networksMax,
  queueMax,
  queueTimeoutMs,
} from '../../model/limits.ts'
import {
  responseHeadTimeoutMs,
  upstreamConnectTimeoutMs,
  webSocketCloseSpreadMs,
} from '../../model/proxy-limits.ts'
import type {
  BasicUser,
  HttpOptions,
  RateLimit,
  WebSocketPolicy,
} from '../../model/routing/http-options.ts'
import { parseDomain } from '../../model/tls/certificate.ts'
import {
  described,
  type Field,
  integer,
  list,
  object,
  oneOf,
  parsed,
  record,
  text,
  truth,
} from './field.ts'

const hourMs = 3_600_000

const canonicalHost = parsed(
  text('a host name such as "www.example.org"', { maxLength: 254, pattern: '^[^*]' }),
  parseDomain,
)

const rateLimit = object<RateLimit>(
  {
    requests: integer(1, 1_000_000),
    perMs: integer(1, 24 * hourMs, 'milliseconds'),
    burst: described(integer(1, 1_000_000), 'So many may come at once; default: requests.'),
  },
  ['requests', 'perMs'],
)

const basicUser = object<BasicUser>(
  {
    name: text('a name without ":"', { pattern: '^[^:\\u0000-\\u001f\\u007f-\\u009f]{1,80}$' }),
    passwordHash: text('"scrypt:SALT:KEY", as "viaduct http add-user" makes it', {
      pattern: '^scrypt:[A-Za-z0-9_-]{16,100}:[A-Za-z0-9_-]{40,200}$',
    }),
  },
  ['name', 'passwordHash'],
)

const network = 'an address or network such as "10.0.0.0/8"'

const networks = list(
  parsed(text(network, { maxLength: 60 }), (value) => {
    if (isNetwork(value)) return value
    throw new AppError('bad-http-option', `${JSON.stringify(value)} is not ${network}`)
  }),
  networksMax,
)

const errorPages = record(
  text(`HTML of at most ${errorPageMaxChars} characters`, { maxLength: errorPageMaxChars }),
  { pattern: '^[45](?:[0-9]{2}|xx)$', otherwise: 'wants a key such as "503" or "5xx"' },
)

const webSockets = object<WebSocketPolicy>(
  {
    onDeploy: oneOf('keep', 'close'),
    spreadMs: described(integer(0, hourMs, 'milliseconds'), 'Not all at once.', {
      default: webSocketCloseSpreadMs,
    }),
  },
  ['onDeploy'],
)

const limit = integer(1, 1_000_000)
const upToAnHour = integer(1, hourMs, 'milliseconds')
const upToADay = integer(1, 24 * hourMs, 'milliseconds')
const realm = '^[\\u0020\\u0021\\u0023-\\u005b\\u005d-\\u007e]{1,80}$'

/** Every key of `HttpOptions`, and no other. */
export const httpOptions: Field<HttpOptions> = object<HttpOptions>({
  redirectToHttps: described(truth, '308 to https for what came over http.', { default: false }),
  canonicalHost: described(canonicalHost, '308 to this host for every other host of the app.', {
    examples: ['www.example.org'],
  }),
  hsts: described(
    object<NonNullable<HttpOptions['hsts']>>(
      { maxAgeS: integer(0, 63_072_000, 'seconds'), includeSubDomains: truth },
      ['maxAgeS'],
    ),
    'Strict-Transport-Security on answers over TLS.',
  ),
  basicAuth: described(
    object<NonNullable<HttpOptions['basicAuth']>>(
      {
        realm: text('text without quotes', { pattern: realm }),
        users: list(basicUser, basicUsersMax),
      },
      ['users'],
    ),
    'Who may come, with a password.',
  ),
  allow: described(networks, 'Addresses and networks; when given, all others get 403.'),
  deny: described(networks, 'Addresses and networks that get 403; looked at first.'),
  rateLimit: described(
    object<NonNullable<HttpOptions['rateLimit']>>({ perClient: rateLimit, perApp: rateLimit }),
    'More requests than this get 429.',
  ),
  bodyMaxBytes: described(integer(0, 2 ** 40, 'bytes'), 'A longer body gets 413.'),
  errorPages: described(errorPages, 'HTML by status ("503") or class ("5xx").'),
  compress: described(truth, 'Compresses what the app did not.', { default: false }),
  protocol: described(oneOf('http/1.1', 'h2c'), 'What the instances speak.', {
    default: 'http/1.1',
  }),
  connectTimeoutMs: described(upToAnHour, 'Until an instance has taken the connection.', {
    default: upstreamConnectTimeoutMs,
  }),
  headTimeoutMs: described(upToADay, 'Until the head of the response has come.', {
    default: responseHeadTimeoutMs,
  }),
  idleBodyTimeoutMs: described(upToADay, 'Neither end of a body moves for this long.', {
    default: idleBodyTimeoutMs,
  }),
  instanceRequestsMax: described(limit, 'Requests in flight per instance; more wait.'),
  appRequestsMax: described(limit, 'Requests in flight per app; more wait.'),
  queueMax: described(integer(0, 1_000_000), 'Requests that wait; more get 503.', {
    default: queueMax,
  }),
  queueTimeoutMs: described(integer(0, hourMs, 'milliseconds'), 'How long they wait.', {
    default: queueTimeoutMs,
  }),
  ejectAfterFailures: described(
    integer(0, 1_000_000),
    'An instance that fails so often in a row gets nothing for a while; 0: never.',
    { default: ejectAfterFailures },
  ),
  ejectForMs: described(upToAnHour, 'For how long, the first time.', { default: ejectForMs }),
  slowStartMs: described(
    integer(0, hourMs, 'milliseconds'),
    'A new instance gets its full share only after this.',
    { default: 0 },
  ),
  webSockets: described(webSockets, 'What a deploy does to WebSockets of the old release.'),
})

function isNetwork(value: string): boolean {
  const [address = '', bits, ...more] = value.split('/')
  const version = isIP(address)
  if (version === 0 || more.length > 0 || address.includes('%')) return false
  if (bits === undefined) return true
  return /^(?:0|[1-9][0-9]{0,2})$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)
}
