import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { test } from 'node:test'
import { startProxyProcess } from './fixtures/proxy-process.ts'
import { exchange, get, ok, TestClient, TestInstance, until } from './fixtures/test-proxy.ts'
import { instanceOf, routeTable } from './fixtures/route-table.ts'
import { askH2, connectH2, makeCertificate, TlsClient, tlsTable } from './fixtures/tls-proxy.ts'

test('a proxy serves by routes.json before anybody speaks to it, and logs what it served', async () => {
  await using app = await TestInstance.answering(ok('hi'))
  await using proxy = await startProxyProcess(routeTable(7, [{ ports: [app.port] }]))
  const id = 'X-Request-Id: my-id.1'
  const sent = get('/a"b?c', id, 'Connection: close')
  assert.match(await exchange(proxy.port, sent), /^HTTP\/1.1 200/)
  const control = await proxy.connect()
  const stats = await control.call('stats', null)
  assert.equal(stats.generation, 7)
  assert.equal(stats.pid, proxy.pid)
  assert.equal(Object.values(stats.apps)[0]?.requests, 1)
  control.close()
  proxy.child.kill('SIGTERM')
  assert.equal(await proxy.exited, 0)
  const file = proxy.layout.app(routeTable(1, [{ ports: [] }]).apps[0]!.app).accessLog(0)
  const line = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>
  assert.equal(typeof line['at'], 'number')
  assert.equal(typeof line['ms'], 'number')
  assert.equal(typeof line['upstreamMs'], 'number')
  assert.deepEqual(
    { ...line, at: 0, ms: 0, upstreamMs: 0 },
    {
      ...{ at: 0, id: 'my-id.1', client: '127.0.0.1', method: 'GET', host: 'app.localhost' },
      ...{ path: '/a"b?c', status: 200, ms: 0, upstreamMs: 0, received: sent.length },
      ...{ bytes: 59, http: '1.1', release: 1 },
      instance: instanceOf(app.port),
    },
  )
})

test('what never had an app is in a log of its own, with who it was and why', async () => {
  const table = routeTable(1, [{ ports: [] }], { defaultApp: null })
  await using proxy = await startProxyProcess(table, { tls: tlsTable(1) })
  const secret = 'Authorization: Bearer s3cret'
  const requests = [
    get('/', secret, 'Authorization s3cret'),
    get('/', `Cookie: s3cret${'x'.repeat(40_000)}`),
    get('/s3cret?token=s3cret', secret, 'X-Request-Id: mine').replace('app.', 'nobody.'),
    `CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n${secret}\r\n\r\n`,
  ]
  for (const sent of requests) assert.match(await exchange(proxy.port, sent), /^HTTP\/1.1 4/)
  const session = connectH2(proxy.httpsPort)
  const fields = { ':path': '/s3cret', ':authority': 'nobody.localhost', 'x-request-id': 'other' }
  assert.equal((await askH2(session, fields)).status, 404)
  session.destroy()
  proxy.child.kill('SIGTERM')
  assert.equal(await proxy.exited, 0)
  const text = await readFile(proxy.layout.refusalLog(0), 'utf8')
  assert.ok(!text.includes('s3cret'))
  const lines = text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as { at: number })
  assert.ok(lines.every(({ at }) => Math.abs(Date.now() - at) < 60_000))
  const always = { at: 0, client: '127.0.0.1', http: '1' }
  assert.deepEqual(
    lines.map((line) => ({ ...line, at: 0 })),
    [
      { ...always, status: 400, error: 'bad-request', detail: 'A space before the colon' },
      { ...always, status: 431, error: 'head-too-long' },
      {
        ...always,
        id: 'mine',
        method: 'GET',
        host: 'nobody.localhost',
        status: 404,
        error: 'no-app',
      },
      {
        ...always,
        status: 405,
        error: 'connect-refused',
        method: 'CONNECT',
        host: 'a.example:443',
      },
      {
        ...always,
        id: 'other',
        method: 'GET',
        host: 'nobody.localhost',
        http: '2',
        tls: true,
        status: 404,
        error: 'no-app',
      },
    ],
  )
})

test('SIGTERM lets requests in flight finish, and what comes later is somebody else’s', async () => {
  const waiting: (() => void)[] = []
  await using app = await new TestInstance((socket) => {
    waiting.push(() => socket.write(ok('slow')))
  }).start()
  await using proxy = await startProxyProcess(routeTable(1, [{ ports: [app.port] }]))
  using client = new TestClient(proxy.port).send(get('/'))
  await until(() => waiting.length === 1, 'the request is in flight')
  proxy.child.kill('SIGTERM')
  let said = ''
  proxy.child.stdout?.on('data', (text: string) => (said += text))
  await until(() => said.includes('proxy.leaving'), 'it leaves')
  waiting[0]?.()
  assert.match(await client.over(), /Connection: close\r\n\r\nslow$/)
  assert.equal(await proxy.exited, 0)
})

test('50 swaps under load lose nothing, with the old instance ended after each drain', async () => {
  const start = (): Promise<TestInstance> =>
    TestInstance.answering((head) => {
      return ok(head.startsWith('POST') ? 'posted' : 'got')
    })
  let current = await start()
  await using proxy = await startProxyProcess(routeTable(1, [{ ports: [current.port] }]))
  const control = await proxy.connect()
  const agent = new Agent({ keepAlive: true })
  const failures: string[] = []
  let requests = 0
  const running = new AbortController()
  const client = async (i: number): Promise<void> => {
    while (!running.signal.aborted) {
      const method = requests % 3 === 0 ? 'POST' : 'GET'
      const outcome = await send({ port: proxy.port, method, agent: i % 4 === 0 ? false : agent })
      requests++
      if (outcome !== '200') failures.push(`${method} ${outcome}`)
    }
  }
  const clients = Array.from({ length: 16 }, (_, i) => client(i))
  for (let swap = 2; swap <= 51; swap++) {
    const next = await start()
    const table = routeTable(swap, [{ ports: [next.port] }])
    const applied = await control.call('routes', table)
    assert.deepEqual(applied, { applied: true, generation: swap })
    const upstream = instanceOf(current.port)
    const result = await control.call('drain', { upstream, drainTimeoutMs: 5_000 })
    assert.deepEqual(result, { result: 'finished' })
    await current[Symbol.asyncDispose]()
    current = next
  }
  running.abort()
  await Promise.all(clients)
  agent.destroy()
  control.close()
  await current[Symbol.asyncDispose]()
  assert.deepEqual(failures, [])
  assert.ok(requests > 500, String(requests))
})

function send(options: { port: number; method: string; agent: Agent | false }): Promise<string> {
  const { port, method, agent } = options
  return new Promise((resolve) => {
    const req = request({ host: '127.0.0.1', port, method, agent }, (res) => {
      res.resume()
      res.on('end', () => resolve(String(res.statusCode)))
      res.on('error', (error) => resolve(error.message))
    })
    req.on('error', (error) => resolve(error.message))
    req.end()
  })
}

test('certificates are there before anybody speaks to it, and new ones come while it serves', async () => {
  await using app = await TestInstance.answering(ok('hi'))
  const routes = routeTable(1, [{ ports: [app.port] }])
  const tls = tlsTable(5)
  await using proxy = await startProxyProcess(routes, { tls })
  using session = connectH2(proxy.httpsPort)
  const ask = async (): Promise<string> => {
    return (await askH2(session, { ':authority': 'app.localhost', ':path': '/' })).body
  }
  assert.equal(await ask(), 'hi')
  const control = await proxy.connect()
  const certificate = makeCertificate('new.localhost')
  const next = { ...tls, generation: 6, certificates: [certificate] }
  assert.deepEqual(await control.call('tls', tls), { applied: false, generation: 5 })
  assert.deepEqual(await control.call('tls', next), { applied: true, generation: 6 })
  assert.equal(await ask(), 'hi')
  using client = new TlsClient(proxy.httpsPort, { servername: 'new.localhost' })
  client.send(get('/'))
  await until(() => client.text.endsWith('hi'), 'the answer')
  assert.equal(client.socket.getPeerCertificate().subjectaltname, 'DNS:new.localhost')
  control.close()
})
