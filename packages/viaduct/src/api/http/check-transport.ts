/**
 * Refuses requests that came to the API through the proxies over plain HTTP from another machine:
 * whoever is in between has read the token.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { BlockList, isIP } from 'node:net'
import { AppError } from '../../model/app-error.ts'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/**
 * The proxies write `X-Forwarded-Proto` and the last address of `X-Forwarded-For` themselves. A
 * request without them came straight to the API's own address.
 *
 * @throws {AppError} `insecure-server`
 */
export function checkTransport(headers: IncomingHttpHeaders): void {
  if (headers['x-forwarded-proto'] !== 'http') return
  const client = String(headers['x-forwarded-for']).split(',').at(-1)?.trim() ?? ''
  const version = isIP(client)
  if (version !== 0 && loopback.check(client, version === 6 ? 'ipv6' : 'ipv4')) return
  throw new AppError('insecure-server', 'The API takes no token over plain HTTP', {
    hint: 'Use https:// and another token: this one was in the clear. Or "up --api-http allow".',
  })
}
