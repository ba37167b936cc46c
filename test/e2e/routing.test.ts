/** The ways to an app, and their changes on the server, on the real platform with real apps. */
import assert from 'node:assert/strict'
import { createConnection } from 'node:net'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { type AppResponse, fetchApp } from './harness/fetch-app.ts'
import { copyFixture, type FixtureApp } from './harness/fixture-app.ts'
import { type Platform, startPlatform } from './harness/start-platform.ts'

/** Answers with its name, the path that it sees, and the prefix that was stripped. */
const server = `require('node:http').createServer((request, response) => {
  const { url, headers } = request
  response.setHeader('x-app-seen', String(headers['x-app']))
  response.end([process.env.APP, url, headers['x-forwarded-prefix'] ?? '-'].join(' '))
}).listen(process.env.PORT, process.env.HOST)
`

async function makeApp(name: string, manifest: object): Promise<FixtureApp> {
  return await copyFixture('good', {
    'server.js': server,
    'package.json': JSON.stringify({ name, scripts: { start: 'node server.js' } }),
    'viaduct.json': JSON.stringify({ version: 1, name, ...manifest }),
  })
}

function ask(
  platform: Platform,
  url: string,
  headers: Record<string, string> = {},
): Promise<AppResponse> {
  const [host = '', ...path] = url.split('/')
  const name = { host: `${host}:${platform.httpPort}` }
  return fetchApp(`http://127.0.0.1:${platform.httpPort}`, {
    path: `/${path.join('/')}`,
    headers: { ...name, ...headers },
  })
}

async function answers(platform: Platform, cases: Record<string, string>): Promise<void> {
  for (const [url, body] of Object.entries(cases)) {
    const response = await ask(platform, url)
    assert.equal(response.headers['viaduct-error'] ?? response.body, body, url)
  }
}

test('apps stand side by side; a change of one touches no connection of another', async () => {
  await using platform = await startPlatform({ flags: ['--x-app', 'on'] })
  await using site = await makeApp('site', {
    domain: ['example.com', '*.example.com', '^shop[0-9]+[.]test$'],
  })
  await using blog = await makeApp('blog', {
    domain: [
      { host: 'example.com', path: '/blog' },
      { path: '/news', strip: true },
    ],
  })
  await platform.run('deploy', site.path)
  await platform.run('deploy', blog.path)
  await answers(platform, {
    'example.com/': 'site / -',
    'example.com/blogs': 'site /blogs -',
    'example.com/blog/1?a=b': 'blog /blog/1?a=b -',
    'www.example.com/': 'site / -',
    'shop12.test/x': 'site /x -',
    'shopx.test/': 'no-app',
    'any.test/news/today': 'blog /today /news',
    'site.localhost/': 'site / -',
  })
  const named = await ask(platform, 'example.com/', { 'x-app': 'blog' })
  assert.equal(named.body, 'blog / -')
  assert.equal(named.headers['x-app-seen'], 'undefined')
  assert.equal((await ask(platform, 'example.com/', { 'x-app': 'nobody' })).status, 404)

  // A connection with requests of the one app all the while the other one is deployed.
  const stop = new AbortController()
  const served = keepAsking(platform, stop.signal)
  await platform.run('deploy', blog.path)
  await platform.run('domains', 'add', '--app', 'blog', 'blog.test')
  await platform.run('maintenance', 'on', '--app', 'blog')
  await platform.run('maintenance', 'off', '--app', 'blog')
  stop.abort()
  assert.ok((await served) > 10)
  await answers(platform, { 'blog.test/': 'blog / -' })

  const taken = await platform.cli(['domains', 'add', '--app', 'blog', 'example.com'])
  assert.equal(taken.code, 6)
  assert.match(taken.stderr, /"example\.com" is site's, so blog cannot have it/)
  await platform.run('routes', 'add', '--app', 'blog', '--strip', 'example.com/journal')
  await answers(platform, {
    'example.com/journal/7': 'blog /7 /journal',
    'example.com/': 'site / -',
  })
  await platform.run('routes', 'remove', '--app', 'blog', 'example.com/journal', 'blog.test')
  await answers(platform, { 'example.com/journal/7': 'site /journal/7 -', 'blog.test/': 'no-app' })
  await platform.run('routes', 'add', '--app', 'blog', '*')
  await answers(platform, { 'blog.test/': 'blog / -' })

  // What was set on the server outlives the daemon and the keeper.
  process.kill(await platform.daemonPid(), 'SIGKILL')
  await platform.daemonPid()
  await answers(platform, { 'unknown.test/': 'blog / -', 'example.com/': 'site / -' })
})

test('a deploy that claims what another app has fails and says whose it is', async () => {
  await using platform = await startPlatform({ proxies: 1 })
  await using one = await makeApp('one', { domain: ['example.com'] })
  await using two = await makeApp('two', { domain: ['two.test'] })
  await platform.run('deploy', one.path)
  await platform.run('deploy', two.path)
  const other = { version: 1, name: 'two', domain: ['two.test', 'example.com'] }
  await two.write('viaduct.json', JSON.stringify(other))
  const { code, stderr } = await platform.cli(['deploy', two.path])
  assert.notEqual(code, 0)
  assert.match(stderr, /"example\.com" is one's, so two cannot have it/)
  await answers(platform, { 'example.com/': 'one / -', 'two.test/': 'two / -' })
  for (const domain of ['not a domain', 'https://x.org', '10.0.0.1', 'a..b']) {
    const bad = await platform.cli(['domains', 'add', '--app', 'two', domain, '--json'])
    assert.equal(bad.code, 2, domain)
    const { error } = JSON.parse(bad.stderr) as { error: { code: string; data: { field: string } } }
    assert.ok(['bad-domain', 'bad-route'].includes(error.code), bad.stderr)
    assert.ok(['domain', 'host', 'path'].includes(error.data.field), bad.stderr)
  }
  // Gone with its app, the name is free again.
  await platform.run('destroy', '--app', 'one', '--yes')
  await platform.run('deploy', two.path)
  await answers(platform, { 'example.com/': 'two / -' })
})

test('the API answers at its domain, through the proxies, and is no default app', async () => {
  const flags = ['--api-domain', 'api.test']
  await using platform = await startPlatform({ flags, proxies: 1 })
  const authorization = `Bearer ${platform.token}`
  const healthy = await ask(platform, 'api.test/healthz')
  assert.deepEqual([healthy.status, healthy.body], [200, '{"status":"ok"}'])
  assert.equal((await ask(platform, 'api.test/applications')).status, 401)
  assert.equal((await ask(platform, 'api.test/applications', { authorization })).status, 200)
  await using one = await makeApp('one', {})
  await platform.run('deploy', one.path)
  await answers(platform, { 'any.test/': 'one / -', 'one.localhost/': 'one / -' })
  const taken = await platform.cli(['domains', 'add', 'api.test'])
  assert.match(taken.stderr, /"api\.test" is the API's/)
  const named = await platform.cli(['deploy', one.path, '--app', 'viaduct-api'])
  assert.notEqual(named.code, 0)
  process.kill(await platform.daemonPid(), 'SIGKILL')
  assert.equal((await ask(platform, 'api.test/applications', { authorization })).status, 200)
})

/** Asks `site` on one connection until the signal. @returns How often; throws when one failed. */
async function keepAsking(platform: Platform, signal: AbortSignal): Promise<number> {
  const socket = createConnection({ host: '127.0.0.1', port: platform.httpPort })
  await once(socket, 'connect')
  let count = 0
  for (; !signal.aborted; count++) {
    socket.write('GET /ping HTTP/1.1\r\nHost: example.com\r\n\r\n')
    const [bytes] = (await once(socket, 'data', { signal: AbortSignal.timeout(5_000) })) as [Buffer]
    assert.match(bytes.toString(), /^HTTP\/1\.1 200 [^]*site \/ping -/)
    await sleep(5)
  }
  socket.destroy()
  return count
}
