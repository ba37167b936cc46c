/**
 * An address as a user writes it (`127.0.0.1`, `host:8700`, `https://deploy.example.com`) → the
 * root URL of an API. Pure.
 */
import { AppError } from '../../model/app-error.ts'
import { defaultApiPort } from './default-ports.ts'

/**
 * Without a scheme it is http, without scheme and port the API's default port, as in the seed.
 *
 * @returns An origin without a final slash, e.g. `http://127.0.0.1:8700`.
 * @throws {AppError} `bad-usage`
 */
export function parseAddress(text: string): string {
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
  const url = URL.canParse(hasScheme ? text : `http://${text}`)
    ? new URL(hasScheme ? text : `http://${text}`)
    : null
  const wrong =
    url === null ||
    url.hostname === '' ||
    !['http:', 'https:'].includes(url.protocol) ||
    (url.pathname !== '/' && url.pathname !== '') ||
    url.username !== '' ||
    url.search !== ''
  if (wrong) {
    throw new AppError('bad-usage', `${JSON.stringify(text)} is not the address of a server`, {
      hint: 'Write it as HOST, HOST:PORT, http://HOST:PORT or https://HOST.',
    })
  }
  if (!hasScheme && !/:\d+$/.test(text)) url.port = String(defaultApiPort)
  return url.origin
}

/** True when nobody but this machine sees what is sent to `url`. */
export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url)
  return /^(localhost|.*\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)
}
