import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AddressList } from '../edge/address-list.ts'
import { RequestHead } from '../http/request-head.ts'
import { forwardedClient, type Peer, plainAddress } from '../client/peer.ts'
import { parseProxyHeader } from '../client/proxy-header.ts'

const trusted = new AddressList(['10.0.0.0/8'])
const peer: Peer = { address: '10.0.0.1', proto: 'http', version: 1, isTrusted: true }

function clientOf(forwardedFor: string): string {
  const head = new RequestHead()
  head.forwardedFor = forwardedFor
  return forwardedClient(head, peer, trusted).address
}

test('an IPv4 address is one however it is written', () => {
  for (const written of ['::ffff:127.0.0.1', '::ffff:7f00:1', '::FFFF:7F00:0001', '127.0.0.1']) {
    assert.equal(plainAddress(written), '127.0.0.1', written)
  }
  for (const other of ['::1', '2001:db8::ffff:1', '::ffff:5', '::ffff:1:2:3', '::ffff:', 'x']) {
    assert.equal(plainAddress(other), other)
  }
})

test('a PROXY header of version 2 names an IPv4 client in its IPv6 form', () => {
  const source = Buffer.from('00000000000000000000ffff01020304', 'hex')
  const bytes = Buffer.concat([
    Buffer.from('\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24', 'latin1'),
    ...[source, source, Buffer.alloc(4)],
  ])
  assert.deepEqual(parseProxyHeader(bytes), { address: '1.2.3.4', end: 52 })
})

test('the client is the last address of the chain that is not a proxy of ours', () => {
  assert.equal(clientOf(''), '10.0.0.1')
  assert.equal(clientOf('192.0.2.1, 192.0.2.2'), '192.0.2.2')
  assert.equal(clientOf('192.0.2.1,\t10.9.9.9 '), '192.0.2.1')
  assert.equal(clientOf('10.0.0.3, 10.0.0.2'), '10.0.0.3')
})

test('a port that a proxy says is not part of the address', () => {
  assert.equal(clientOf('192.0.2.1:4711'), '192.0.2.1')
  assert.equal(clientOf('[2001:db8::1]:443'), '2001:db8::1')
  assert.equal(clientOf('[2001:db8::1]'), '2001:db8::1')
  assert.equal(clientOf('2001:db8::1'), '2001:db8::1')
})

test('what is no address names nobody', () => {
  for (const garbage of ['unknown', '', '_hidden', '1.2.3', '1.2.3.4.5:6', 'x'.repeat(30_000)]) {
    assert.equal(clientOf(`192.0.2.9, ${garbage}, 10.0.0.2`), '10.0.0.2', garbage)
  }
})
