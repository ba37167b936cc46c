/** Who is at the other end of a connection, and whether what it says of others is believed. */
import { isIP, isIPv4, type Socket } from 'node:net'
import type { AddressList } from '../edge/address-list.ts'
import type { RequestHead } from '../http/request-head.ts'
import { rawSocketOf } from '../tls/raw-socket.ts'

export interface Peer {
  /** Numeric; an IPv4 address never in its IPv6 form. */
  readonly address: string
  readonly proto: 'http' | 'https'
  /** Major version of HTTP. */
  readonly version: 1 | 2
  /** A proxy of the server's owner: what it forwards, and for whom, is passed on. */
  readonly isTrusted: boolean
}

/** Sources that a PROXY header named, by their TCP socket. */
const named = new WeakMap<Socket, string>()

export function nameSource(socket: Socket, address: string): void {
  named.set(socket, address)
}

/** Of the client, or of the one that a PROXY header names. */
export function addressOf(socket: Socket): string {
  const source = named.get(rawSocketOf(socket))
  return source ?? plainAddress(socket.remoteAddress ?? 'unknown')
}

/** An IPv4 address in its IPv6 form, with dots or without, as what it is. */
export function plainAddress(address: string): string {
  const [, mapped = ''] = /^::ffff:([\da-f.:]+)$/i.exec(address) ?? []
  if (mapped === '' || isIPv4(mapped)) return mapped || address
  const [high, low, ...more] = mapped.split(':').map((group) => Number.parseInt(group, 16))
  if (high === undefined || low === undefined || more.length > 0) return address
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/**
 * Who sent a request that a trusted proxy forwards: the last one that is not a proxy of ours. What
 * is no address names nobody: it could be as many clients as somebody likes.
 */
export function forwardedClient(
  head: RequestHead,
  peer: Peer,
  trusted: AddressList,
): { address: string; proto: 'http' | 'https' } {
  const chain = head.forwardedFor === '' ? [] : head.forwardedFor.split(',')
  let { address } = peer
  for (let i = chain.length - 1; i >= 0 && trusted.has(address); i--) {
    const said = addressIn((chain[i] as string).trim())
    if (said === null) break
    address = said
  }
  const { forwardedProto } = head
  const isProto = forwardedProto === 'http' || forwardedProto === 'https'
  return { address, proto: isProto ? forwardedProto : peer.proto }
}

/** Some proxies say the port, too. */
function addressIn(text: string): string | null {
  const [, inBrackets, withPort] = /^\[([^\]]+)\](?::\d+)?$|^([\d.]+):\d+$/.exec(text) ?? []
  const address = plainAddress(inBrackets ?? withPort ?? text)
  return isIP(address) === 0 ? null : address
}
