import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { routeTable } from '../fixtures/route-table.ts'
import { get, ok, TestClient, TestInstance } from '../fixtures/test-proxy.ts'
import { parseProxyHeader } from './proxy-header.ts'
import { Worker, type WorkerOptions } from '../serve/worker.ts'

/** What an instance and the client see of one request, or what was sent before it. */
async function ask(
  options: WorkerOptions,
  sent: string,
  http = {},
): Promise<{ seen: string; answer: string }> {
  await using instance = await TestInstance.answering(ok('app'))
  await using worker = new Worker(null, options)
  worker.httpsPortOf = () => 443
  worker.router.apply(routeTable(1, [{ ports: [instance.port], http }]))
  worker.server.listen(0, '127.0.0.1')
  await once(worker.server, 'listening')
  using client = new TestClient((worker.server.address() as AddressInfo).port)
  client.send(sent)
  const answer = await client.over()
  return { seen: instance.received.join(''), answer }
}

const request = (...fields: string[]): string => get('/', 'Connection: close', ...fields)
const trusting = { trustedProxies: ['127.0.0.0/8', '10.0.0.0/8'] }
const forwarded = ['X-Forwarded-For: 203.0.113.7, 10.1.1.1', 'X-Forwarded-Proto: https']

test('what a stranger says of itself is overwritten; a trusted proxy is believed', async () => {
  const host = 'X-Forwarded-Host: shop.example.com'
  const stranger = await ask({}, request(...forwarded, host, 'X_Forwarded_For: 1.1.1.1'))
  assert.match(stranger.seen, /\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n/)
  assert.match(stranger.seen, /\r\nX-Forwarded-Host: app.localhost\r\n/)
  assert.doesNotMatch(stranger.seen, /203.0.113.7|1\.1\.1\.1|shop/)
  const known = await ask(trusting, request(...forwarded, host))
  assert.match(known.seen, /\r\nX-Forwarded-For: 203.0.113.7, 10.1.1.1, 127.0.0.1\r\n/)
  assert.match(known.seen, /\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example.com\r\n/)
  const odd = await ask(trusting, request('X-Forwarded-Proto: gopher'))
  assert.match(odd.seen, /\r\nX-Forwarded-Proto: http\r\n/)
})

test('rules for addresses and https see through trusted proxies, and only through those', async () => {
  const deny = { deny: ['203.0.113.0/24'] }
  assert.match((await ask(trusting, request(...forwarded), deny)).answer, / 403 /)
  assert.match((await ask({}, request(...forwarded), deny)).answer, / 200 /)
  const faked = request('X-Forwarded-For: 203.0.113.7, 198.51.100.1')
  assert.match((await ask(trusting, faked, deny)).answer, / 200 /)
  const secure = { redirectToHttps: true }
  assert.match((await ask(trusting, request(...forwarded), secure)).answer, / 200 /)
  assert.match((await ask({}, request(...forwarded), secure)).answer, / 308 /)
})

test('a PROXY header names the client; without one a balancer is not served', async () => {
  const options = { trustedProxies: ['127.0.0.1'], proxyProtocol: true }
  const text = 'PROXY TCP4 203.0.113.7 192.0.2.1 40000 80\r\n'
  const named = await ask(options, text + request())
  assert.match(named.seen, /\r\nX-Forwarded-For: 203.0.113.7\r\n/)
  assert.match((await ask(options, `PROXY UNKNOWN\r\n${request()}`)).seen, /For: 127.0.0.1\r\n/)
  const without = await ask(options, request())
  assert.deepEqual(without, { seen: '', answer: '' })
  const stranger = await ask({ proxyProtocol: true, trustedProxies: ['10.0.0.1'] }, request())
  assert.match(stranger.answer, / 200 /)
  const spoofed = await ask({ trustedProxies: ['127.0.0.1'] }, text + request())
  assert.match(spoofed.answer, / 400 /)
  assert.equal(spoofed.seen, '')
})

const signature = '\r\n\r\n\0\r\nQUIT\n'
const v2 = (head: number[], rest: number[]): Buffer =>
  Buffer.from([...Buffer.from(signature, 'latin1'), ...head, 0, rest.length, ...rest])

test('PROXY headers of both versions are read, at every split, and nothing else is', () => {
  const ipv6 = [0x20, 1, 0xd, 0xb8, ...Array<number>(11).fill(0), 7]
  const good: [Buffer, string | null][] = [
    [Buffer.from('PROXY TCP6 2001:db8::7 ::1 1 2\r\n'), '2001:db8::7'],
    [Buffer.from('PROXY UNKNOWN whatever this is\r\n'), null],
    [v2([0x21, 0x11], [203, 0, 113, 7, 192, 0, 2, 1, 156, 64, 0, 80]), '203.0.113.7'],
    [v2([0x21, 0x21], [...ipv6, ...ipv6, 0, 1, 0, 2, 3, 0, 1, 9]), '2001:db8::7'],
    [v2([0x20, 0], []), null],
    [v2([0x21, 0], [1, 2, 3]), null],
  ]
  for (const [header, address] of good) {
    for (let end = 0; end < header.length; end++) {
      assert.equal(parseProxyHeader(header.subarray(0, end)), 'incomplete', `${address} at ${end}`)
    }
    const withMore = Buffer.concat([header, Buffer.from('GET / ')])
    assert.deepEqual(parseProxyHeader(withMore), { address, end: header.length })
  }
  const bad = [
    'GET / HTTP/1.1\r\n',
    'PROXY TCP4 2001:db8::7 ::1 1 2\r\n',
    'PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n',
    'PROXY TCP4 1.2.3.4 1.2.3.4 x 2\r\n',
    'PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n',
    `PROXY UNKNOWN ${'x'.repeat(200)}`,
    `${signature}\x31\x11\0\x0c${'\0'.repeat(12)}`,
    `${signature}\x21\x11\0\x04${'\0'.repeat(4)}`,
    `${signature}\x21\x21\0\x0c${'\0'.repeat(12)}`,
    `${signature}\x21\x11\xff\xff`,
  ]
  for (const text of bad) assert.equal(parseProxyHeader(Buffer.from(text, 'latin1')), 'bad', text)
})
