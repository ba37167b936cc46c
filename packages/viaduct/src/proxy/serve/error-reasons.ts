/**
 * Every answer that the platform gives itself: the reason in the `viaduct-error` header, its status
 * and a sentence. An answer without that header is the app's.
 */
export const errorReasons = {
  'bad-request': { status: 400, text: 'The request is not well-formed HTTP/1.1' },
  'head-too-long': { status: 431, text: 'The head of the request is too long' },
  'head-timeout': { status: 408, text: 'The request did not come in time' },
  'connect-refused': { status: 405, text: 'CONNECT is not served' },
  'no-app': { status: 404, text: 'No app answers at this host' },
  'no-apps-online': { status: 503, text: 'No apps online' },
  'no-instance': { status: 503, text: 'No apps online: no instance got ready in time' },
  'hold-full': { status: 503, text: 'No apps online: too many requests wait for an instance' },
  denied: { status: 403, text: 'Requests from this address are not served' },
  unauthorized: { status: 401, text: 'A user name and a password are asked for' },
  'auth-busy': { status: 503, text: 'Too many passwords wait to be checked' },
  'rate-limited': { status: 429, text: 'Too many requests' },
  'body-too-large': { status: 413, text: 'The body is longer than the app takes' },
  maintenance: { status: 503, text: 'The app is under maintenance' },
  'method-refused': { status: 405, text: 'Files are read, by GET or HEAD, and nothing else' },
  'no-file': { status: 404, text: 'There is no such file' },
  'queue-full': { status: 503, text: 'The app has all the requests that it may have' },
  'queue-timeout': { status: 503, text: 'The app had no time for the request' },
  stopped: { status: 503, text: 'No apps online: the app is stopped' },
  'scaled-to-zero': { status: 503, text: 'No apps online: the app is scaled to 0' },
  'crash-looping': { status: 503, text: 'No apps online: the app crashes again and again' },
  'upstream-refused': { status: 502, text: 'The app did not accept the connection' },
  'upstream-reset': { status: 502, text: 'The app closed the connection before it answered' },
  'bad-response': { status: 502, text: 'The answer of the app is not well-formed HTTP/1.1' },
  'upstream-timeout': { status: 504, text: 'The app did not answer in time' },
  'body-timeout': { status: 408, text: 'The body did not come in time' },
  'drain-expired': { status: 503, text: 'The instance was stopped before it answered' },
} as const

export type ErrorReason = keyof typeof errorReasons

export interface ErrorOptions {
  /** Empty: not said. */
  readonly requestId: string
  readonly keepAlive: boolean
  readonly withoutBody: boolean
  /** One of our own sentences. */
  readonly detail?: string
  /** More field lines, with CRLF each. */
  readonly fields?: string
  /** HTML instead of our sentence; empty: none. */
  readonly page?: string
}

const statusTexts: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
}

/** Who asks again at once meets the same; a second later there may be an instance. */
const retryAfter = 'Retry-After: 1\r\n'

/** The whole answer, head and body, as latin1: a character is a byte. */
export function renderError(reason: ErrorReason, options: ErrorOptions): string {
  const { status, text } = errorReasons[reason]
  const { requestId, detail = '', fields = '', page = '' } = options
  const isPage = page !== ''
  const body = isPage
    ? Buffer.from(page, 'utf8').toString('latin1')
    : `${text}${detail && `: ${detail}`}\n`
  const id = requestId === '' ? '' : `X-Request-Id: ${requestId}\r\n`
  const retry = status === 503 && !fields.includes('Retry-After') ? retryAfter : ''
  return (
    `HTTP/1.1 ${status} ${statusTexts[status]}\r\nviaduct-error: ${reason}\r\n${id}${fields}` +
    `${retry}Content-Type: text/${isPage ? 'html' : 'plain'}; charset=utf-8\r\n` +
    `Cache-Control: no-store\r\nContent-Length: ${body.length}\r\n` +
    `${options.keepAlive ? '' : 'Connection: close\r\n'}\r\n${options.withoutBody ? '' : body}`
  )
}
