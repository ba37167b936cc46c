/**
 * The answer to a certificate authority that asks over plain HTTP whether this machine answers for
 * a domain (HTTP-01, RFC 8555 §8.3). It comes before routes, redirects and passwords of apps; a
 * token that is not ours goes to the app, which may get certificates by itself.
 */
import type { RequestHead } from '../http/request-head.ts'
import type { CertTable } from './cert-table.ts'

const prefix = '/.well-known/acme-challenge/'

/** @returns A whole response, after which the connection closes; null: it is another request. */
export function challengeAnswer(certs: CertTable, head: RequestHead): string | null {
  if (!certs.hasHttpChallenges || head.method !== 'GET') return null
  if (!head.target.startsWith(prefix)) return null
  const answer = certs.httpChallenge(head.target.slice(prefix.length))
  if (answer === undefined) return null
  return (
    'HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n' +
    `Content-Length: ${answer.length}\r\nConnection: close\r\n\r\n${answer}`
  )
}
