/** Addresses and networks (`10.0.0.0/8`, `2001:db8::/32`, `::1`), as people write them. */
import { isIP } from 'node:net'

export interface Network {
  readonly address: string
  readonly family: 'ipv4' | 'ipv6'
  /** Leading bits that count: 32 or 128 for a single address. */
  readonly bits: number
}

/** @returns null when it is neither an address nor a network. */
export function parseNetwork(text: string): Network | null {
  const match = /^([0-9a-f.:]+)(?:\/(\d{1,3}))?$/i.exec(text)
  const address = match?.[1] ?? ''
  const version = isIP(address)
  if (version === 0) return null
  const max = version === 4 ? 32 : 128
  const bits = match?.[2] === undefined ? max : Number(match[2])
  return bits > max ? null : { address, family: version === 4 ? 'ipv4' : 'ipv6', bits }
}
