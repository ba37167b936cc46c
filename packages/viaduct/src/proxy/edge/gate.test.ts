import assert from 'node:assert/strict'
import { randomBytes, scryptSync } from 'node:crypto'
import { test } from 'node:test'
import { basicAuthChecksMax, rateLimitKeysMax } from '../../model/proxy-limits.ts'
import type { HttpOptions } from '../../model/routing/http-options.ts'
import type { AppRoute } from '../../model/routing/route.ts'
import { routeTable } from '../fixtures/route-table.ts'
import {
  exchange,
  get,
  ok,
  startProxy,
  TestClient,
  TestInstance,
  until,
} from '../fixtures/test-proxy.ts'
import { AddressList } from './address-list.ts'
import { Gate } from './gate.ts'
import { clientKey, RateLimiter } from './rate-limiter.ts'
import type { Visit, Visitor } from './visit.ts'

/** The answers to requests on one connection to an app with these options. */
async function ask(http: HttpOptions, ...requests: string[]): Promise<string> {
  await using instance = await TestInstance.answering(ok('app'))
  const table = routeTable(1, [{ ports: [instance.port], http }])
  // Time stands still.
  await using proxy = await startProxy(table, { clock: () => 1_000_000 })
  const httpsPorts: Record<string, number | null> = { 'plain.localhost': null, 'usual.test': 443 }
  proxy.worker.httpsPortOf = (hostname) =>
    httpsPorts[hostname] ?? (hostname in httpsPorts ? null : 8443)
  using client = new TestClient(proxy.port)
  for (const request of requests) {
    const before = client.statuses.length
    client.send(request)
    await client.answers(before + 1)
    if (client.isOver) break
  }
  return client.text
}

function passwordHash(password: string): string {
  const salt = randomBytes(16)
  return `scrypt:${salt.toString('base64url')}:${scryptSync(password, salt, 32).toString('base64url')}`
}

const basic = (text: string): string =>
  `Authorization: Basic ${Buffer.from(text).toString('base64')}`

test('http goes to https where there is a certificate, with method and path as they were', async () => {
  const text = await ask({ redirectToHttps: true }, get('/a?b=c'))
  assert.match(text, /^HTTP\/1.1 308 /)
  assert.match(text, /\r\nLocation: https:\/\/app.localhost:8443\/a\?b=c\r\n/)
  assert.doesNotMatch(text, /viaduct-error/)
  const request = 'GET / HTTP/1.1\r\nHost: plain.localhost\r\n\r\n'
  assert.match(await ask({ redirectToHttps: true }, request), /^HTTP\/1.1 200 /)
  const usual = 'OPTIONS * HTTP/1.1\r\nHost: usual.test:80\r\n\r\n'
  assert.match(await ask({ redirectToHttps: true }, usual), /Location: https:\/\/usual.test\/\r\n/)
})

test('other hosts go to the canonical one, at the port where they came', async () => {
  const options = { canonicalHost: 'www.example.com' }
  const ported = 'GET /x HTTP/1.1\r\nHost: example.com:8080\r\n\r\n'
  assert.match(await ask(options, ported), /\r\nLocation: http:\/\/www.example.com:8080\/x\r\n/)
  const right = 'GET /x HTTP/1.1\r\nHost: WWW.example.com\r\n\r\n'
  assert.match(await ask(options, right), /^HTTP\/1.1 200 /)
  const both = { ...options, redirectToHttps: true }
  assert.match(await ask(both, ported), /\r\nLocation: https:\/\/www.example.com:8443\/x\r\n/)
})

test('addresses are let in and kept out by network; what is denied is denied first', async () => {
  assert.match(await ask({ deny: ['127.0.0.0/8'] }, get('/')), / 403 [^]*viaduct-error: denied/)
  assert.match(await ask({ allow: ['127.0.0.1'] }, get('/')), /^HTTP\/1.1 200 /)
  assert.match(await ask({ allow: ['10.0.0.0/8'] }, get('/')), /^HTTP\/1.1 403 /)
  assert.match(await ask({ allow: ['127.0.0.1'], deny: ['127.0.0.1'] }, get('/')), / 403 /)
  const list = new AddressList(['2001:db8::/32', '192.0.2.7'])
  assert.deepEqual(
    ['2001:db8:1::9', '2001:db9::1', '192.0.2.7', '192.0.2.8', 'unknown'].map((a) => list.has(a)),
    [true, false, true, false, false],
  )
})

test('only who has the password is let in, and knows how to ask', async () => {
  const users = [{ name: 'ann', passwordHash: passwordHash('pass:wörd') }]
  const options = { basicAuth: { realm: 'Staff', users } }
  const text = await ask(
    options,
    get('/'),
    get('/', basic('ann:wrong')),
    get('/', basic('bob:pass:wörd')),
    get('/', 'Authorization: Bearer x'),
    get('/', basic('ann:pass:wörd')),
    get('/', basic('ann:pass:wörd')),
    get('/', basic('ann:wrong')),
  )
  const statuses = [...text.matchAll(/HTTP\/1.1 (\d+) /g)].map(([, status]) => Number(status))
  assert.deepEqual(statuses, [401, 401, 401, 401, 200, 200, 401])
  assert.match(text, /\r\nWWW-Authenticate: Basic realm="Staff", charset="UTF-8"\r\n/)
})

test('more users than are checked at a time are all let in', async () => {
  const names = Array.from({ length: 2 * basicAuthChecksMax }, (_, n) => `user${n}`)
  const hash = passwordHash('b')
  const users = names.map((name) => ({ name, passwordHash: hash }))
  await using instance = await TestInstance.answering(ok('app'))
  const http = { basicAuth: { users } }
  await using proxy = await startProxy(routeTable(1, [{ ports: [instance.port], http }]))
  using clients = new DisposableStack()
  const asked = names.map(async (name) => {
    const client = clients.use(new TestClient(proxy.port)).send(get('/', basic(`${name}:b`)))
    return await client.answers(1)
  })
  assert.deepEqual(new Set((await Promise.all(asked)).flat()), new Set([200]))
})

test('a body that comes while the password is being checked arrives whole', async () => {
  const options = { basicAuth: { users: [{ name: 'a', passwordHash: passwordHash('b') }] } }
  const size = 300_000
  await using instance = new TestInstance((socket, all) => {
    if (all.length - all.indexOf('\r\n\r\n') - 4 === size) socket.write(ok('whole'))
  })
  await instance.start()
  await using proxy = await startProxy(routeTable(1, [{ ports: [instance.port], http: options }]))
  using client = new TestClient(proxy.port)
  client.send(
    `POST / HTTP/1.1\r\nHost: a\r\n${basic('a:b')}\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`,
  )
  assert.deepEqual(await client.answers(1), [200])
})

test('too many requests get 429 with the time to wait; each client and the app have a limit', async () => {
  const rateLimit = { perClient: { requests: 2, perMs: 60_000 } }
  const text = await ask({ rateLimit }, get('/1'), get('/2'), get('/3'))
  const statuses = [...text.matchAll(/HTTP\/1.1 (\d+) /g)].map(([, status]) => Number(status))
  assert.deepEqual(statuses, [200, 200, 429])
  assert.match(text, /viaduct-error: rate-limited\r\n[^]*Retry-After: 30\r\n/)
  // Who comes again after that is early in no case.
  const odd = { rateLimit: { perApp: { requests: 1, perMs: 1_001 } } }
  assert.match(await ask(odd, get('/1'), get('/2')), /Retry-After: 2\r\n/)
  const perApp = { rateLimit: { perApp: { requests: 1, perMs: 60_000 } } }
  assert.match(await ask(perApp, get('/1'), get('/2')), / 200 [^]* 429 /)
})

test('a limiter lets bursts through, then one at a time, and knows clients apart', () => {
  const limiter = new RateLimiter({ requests: 10, perMs: 1_000, burst: 3 })
  const take = (now: number, key = 'a'): number => limiter.take(key, now)
  assert.deepEqual([take(0), take(0), take(0), take(0)], [0, 0, 0, 100])
  assert.equal(take(0, 'b'), 0)
  assert.equal(take(99), 1)
  assert.equal(take(100), 0)
  assert.equal(take(100), 100)
  assert.deepEqual([take(10_000), take(10_000), take(10_000), take(10_000)], [0, 0, 0, 100])
})

test('a limiter remembers so many clients, those that were seen last', () => {
  const limiter = new RateLimiter({ requests: 1, perMs: 60_000 })
  for (let i = 0; i < rateLimitKeysMax; i++) assert.equal(limiter.take(`${i}`, 0), 0)
  assert.equal(limiter.take('0', 60_000), 0)
  assert.equal(limiter.take('new', 60_000), 0)
  // That made it forget the one that had not been seen for longest, which is not the first.
  assert.equal(limiter.take('0', 60_000), 60_000)
  assert.equal(limiter.take('1', 0), 0)
  assert.ok(limiter.take(`${rateLimitKeysMax - 1}`, 0) > 0)
})

test('one user of IPv6 has a network of /64, one of IPv4 an address', () => {
  assert.equal(clientKey('1.2.3.4'), '1.2.3.4')
  const same = ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', '2001:db8:1:2:3:4:5:6']
  assert.equal(new Set(same.map(clientKey)).size, 1)
  assert.notEqual(clientKey('2001:db8:1:3::1'), clientKey('2001:db8:1:2::1'))
  assert.equal(clientKey('::1'), '0:0:0:0')
  assert.equal(clientKey('fe80::1%eth0'), 'fe80:0:0:0')
  assert.equal(clientKey('1:2::3:4:5:6:7'), '1:2:0:3')
  assert.equal(clientKey('2001:db8::'), '2001:db8:0:0')
})

test('a body that is longer than allowed gets 413, said beforehand or counted on the way', async () => {
  const options = { bodyMaxBytes: 10 }
  const said = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n'
  assert.match(await ask(options, said), / 413 [^]*viaduct-error: body-too-large/)
  const counted = `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n`
  assert.match(await ask(options, `${counted}8\r\n12345678\r\n`), / 413 /)
  const fits = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n1234567890'
  assert.match(await ask(options, fits), /^HTTP\/1.1 200 /)
  // What frames the chunks is not the body's.
  const pieces = [...'1234567890'].map((byte) => `1;x=y\r\n${byte}\r\n`).join('')
  const fitsToo = `PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${pieces}0\r\n\r\n`
  assert.match(await ask(options, fitsToo), /^HTTP\/1.1 200 /)
  assert.match(await ask(options, fitsToo.replace('0\r\n\r\n', '1\r\n1\r\n')), / 413 /)
})

test('maintenance answers everybody with its page; error pages stand for our sentences', async () => {
  const route = routeTable(1, [{ ports: [1] }]).apps[0] as AppRoute
  const table = {
    ...routeTable(1, []),
    apps: [{ ...route, maintenance: { page: '<h1>Zurück um 12</h1>', retryAfterS: 600 } }],
    defaultApp: route.app,
  }
  await using proxy = await startProxy(table)
  using client = new TestClient(proxy.port).send(get('/'))
  await client.answers(1)
  assert.match(client.text, / 503 [^]*viaduct-error: maintenance\r\n[^]*Retry-After: 600\r\n/)
  assert.match(client.text, /Content-Type: text\/html; charset=utf-8\r\n/)
  assert.ok(Buffer.from(client.text, 'latin1').toString('utf8').endsWith('<h1>Zurück um 12</h1>'))
  const length = Number(/Content-Length: (\d+)/.exec(client.text)?.[1])
  assert.equal(length, Buffer.byteLength('<h1>Zurück um 12</h1>'))
  const pages = { errorPages: { '413': '<p>large</p>', '4xx': '<p>other</p>' }, bodyMaxBytes: 1 }
  const large = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n'
  assert.match(await ask(pages, large), /<p>large<\/p>$/)
  assert.match(await ask({ ...pages, deny: ['127.0.0.1'] }, get('/')), /<p>other<\/p>$/)
  // Also when nothing else is asked of the gate.
  const gone = { errorPages: { '502': '<p>gone</p>' }, ejectAfterFailures: 0 }
  await using bad = await TestInstance.answering('This is no HTTP at all\r\n\r\n')
  await using other = await startProxy(routeTable(1, [{ ports: [bad.port], http: gone }]))
  assert.match(await exchange(other.port, get('/', 'Connection: close')), /<p>gone<\/p>$/)
  const denied = { ...table.apps[0], http: { deny: ['127.0.0.1'] } } as AppRoute
  proxy.worker.router.apply({ ...table, generation: 2, apps: [denied] })
  client.send(get('/'))
  await client.answers(2)
  assert.match(client.text, / 403 [^]*Requests from this address are not served\n$/)
})

test('counts of a limit live on when only the instances change', async () => {
  await using instance = await TestInstance.answering(ok('app'))
  const http = { rateLimit: { perApp: { requests: 1, perMs: 60_000 } } }
  await using proxy = await startProxy(routeTable(1, [{ ports: [instance.port], http }]))
  using client = new TestClient(proxy.port).send(get('/'))
  assert.deepEqual(await client.answers(1), [200])
  const next = routeTable(2, [{ ports: [instance.port], http: structuredClone(http) }])
  proxy.worker.router.apply(next)
  client.send(get('/'))
  assert.deepEqual(await client.answers(2), [200, 429])
})

test('a client that resets while its password is checked is forgotten', async () => {
  const options = { basicAuth: { users: [{ name: 'a', passwordHash: passwordHash('b') }] } }
  await using instance = await TestInstance.answering(ok('app'))
  await using proxy = await startProxy(routeTable(1, [{ ports: [instance.port], http: options }]))
  const client = new TestClient(proxy.port).send(get('/', basic('a:b')))
  const [app] = proxy.worker.router.apps
  await until(() => app?.counter.requests === 1, 'the request came')
  client.socket.resetAndDestroy()
  await until(() => proxy.worker.connections === 0, 'the client is gone')
  using other = new TestClient(proxy.port).send(get('/', basic('a:b')))
  assert.deepEqual(await other.answers(1), [200])
  assert.equal(instance.received.join('').split('GET').length, 2)
})

test('what is found out of one request lets no other one in', async () => {
  const http = { basicAuth: { users: [{ name: 'a', passwordHash: passwordHash('b') }] } }
  const gate = new Gate({ ...routeTable(1, [{ ports: [1], http }]).apps[0] } as AppRoute, null)
  const told: string[] = []
  const visitor = (name: string): Visitor & { ticket: number; isDone: boolean } =>
    ({
      ...{ ticket: 1, isDone: false },
      ...{ place: () => told.push(name), fail: () => told.push(`not ${name}`) },
    }) as never
  const authorization = `Basic ${Buffer.from('a:b').toString('base64')}`
  const visit = {
    address: '127.0.0.1',
    context: {},
    field: () => authorization,
  } as unknown as Visit
  const [next, done, still] = [visitor('next'), visitor('done'), visitor('still')]
  for (const each of [next, done, still]) gate.admit(visit, each)
  next.ticket++
  done.isDone = true
  await until(() => told.length > 0, 'the answer')
  assert.deepEqual(told, ['still'])
})

test('guessing passwords counts for the limit of its client', async () => {
  const users = [{ name: 'a', passwordHash: passwordHash('b') }]
  const rateLimit = { perClient: { requests: 2, perMs: 60_000 } }
  const wrong = ['1', '2', '3'].map((password) => get('/', basic(`a:${password}`)))
  const text = await ask({ basicAuth: { users }, rateLimit }, ...wrong)
  assert.deepEqual(text.match(/(?<=HTTP\/1.1 )\d+/g), ['401', '401', '429'])
})

test('users and counts outlive a deploy and maintenance, and end with their own options', async () => {
  const users = [{ name: 'a', passwordHash: passwordHash('b') }]
  const http = { basicAuth: { users }, rateLimit: { perApp: { requests: 3, perMs: 60_000 } } }
  await using instance = await TestInstance.answering(ok('app'))
  const [route] = routeTable(1, [{ ports: [instance.port], http }]).apps as [AppRoute]
  await using proxy = await startProxy({
    ...routeTable(1, []),
    apps: [route],
    defaultApp: route.app,
  })
  let generation = 1
  const change = (set: Partial<AppRoute>): void => {
    const apps = [{ ...route, ...set }]
    const table = { ...routeTable(++generation, []), apps, defaultApp: route.app }
    assert.ok(proxy.worker.router.apply(table))
  }
  using client = new TestClient(proxy.port).send(get('/', basic('a:b')))
  assert.deepEqual(await client.answers(1), [200])
  change({ maintenance: { page: '', retryAfterS: 1 } })
  client.send(get('/', basic('a:b')))
  assert.deepEqual(await client.answers(2), [200, 503])
  change({ staticDirs: ['/nowhere'] })
  client.send(get('/', basic('a:b')).repeat(3))
  assert.deepEqual((await client.answers(5)).slice(2), [200, 200, 429])
  const other = { users: [{ name: 'a', passwordHash: passwordHash('c') }] }
  change({ http: { ...http, basicAuth: other } })
  client.send(get('/', basic('a:b')))
  assert.deepEqual((await client.answers(6)).slice(5), [401])
  change({ http: { basicAuth: other } })
  client.send(get('/', basic('a:c')))
  assert.deepEqual((await client.answers(7)).slice(6), [200])
})
