/** A set of addresses and networks; asked once per connection or request. */
import { BlockList } from 'node:net'
import { parseNetwork } from '../../model/routing/network.ts'

export class AddressList {
  readonly #list = new BlockList()
  readonly isEmpty: boolean

  /** @param networks As `parseNetwork` reads them; others are left out: they were checked. */
  constructor(networks: readonly string[]) {
    const parsed = networks.map(parseNetwork).filter((network) => network !== null)
    for (const { address, bits, family } of parsed) this.#list.addSubnet(address, bits, family)
    this.isEmpty = parsed.length === 0
  }

  /** @param address Numeric; an IPv4 address not in its IPv6 form. */
  has(address: string): boolean {
    if (this.isEmpty) return false
    return this.#list.check(address, address.includes(':') ? 'ipv6' : 'ipv4')
  }
}
