import assert from 'node:assert/strict'
import { stat } from 'node:fs/promises'
import { request } from 'node:http'
import { after, before, test } from 'node:test'
import { createClient } from '../contract/client.ts'
import { allRoutes } from '../contract/routes.ts'
import { allows, scopes } from '../contract/scope.ts'
import { openTestApi, type TestApi } from './open-test-api.suite.ts'

let api: TestApi
let revoked: string
const byScope = new Map<string, string>()

before(async () => {
  api = await openTestApi()
  const made = await api.client.tokens.create({ name: 'old' })
  await api.client.tokens.revoke(made.token.id)
  revoked = made.secret
  for (const scope of scopes) {
    const { secret } = await api.client.tokens.create({ name: scope, scopes: [scope] })
    byScope.set(scope, secret)
  }
})
after(() => api[Symbol.asyncDispose]())

interface Raw {
  readonly status: number
  readonly body: string
  readonly headers: NodeJS.Dict<string | string[]>
}

function send(method: string, path: string, headers: Record<string, string> = {}): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const sent = request({ port: api.port, method, path, headers, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => (body += text))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body, headers: response.headers }),
      )
    })
    sent.on('error', reject).end()
  })
}

/** A path of the route, of an app and things that do not exist. */
function pathOf(path: string, app = 'nobody'): string {
  return path
    .replace(':name', app)
    .replace('/tokens/:id', '/tokens/t000000000000')
    .replace(':id', 'd000000000000')
    .replace(':stream', 'app')
}

test('every route refuses a missing, a wrong and a revoked token, and takes a good one', async () => {
  for (const [name, { method, path, scope }] of allRoutes) {
    const target = pathOf(path)
    const wanted = scope === null ? 200 : 401
    const strangers = [undefined, 'Bearer wrong', `Bearer ${revoked}`, 'Basic YTpi', 'Bearer ']
    for (const authorization of strangers) {
      const { status } = await send(method, target, authorization ? { authorization } : {})
      assert.equal(status, wanted, `${name} with ${authorization}`)
    }
    const { status } = await send(method, target, { authorization: `Bearer ${api.token}` })
    assert.notEqual(status, 401, name)
    assert.notEqual(status, 403, name)
    const seed = await send(method, target, { 'x-auth-token': api.token })
    assert.equal(seed.status, status, name)
  }
})

test('every route refuses tokens without its scope', async () => {
  let refused = 0
  for (const [name, route] of allRoutes) {
    for (const [scope, secret] of byScope) {
      const authorization = `Bearer ${secret}`
      const { status } = await send(route.method, pathOf(route.path), { authorization })
      const fits = route.scope === null || allows([scope], route.scope)
      assert.equal(status === 403, !fits, `${name} with ${scope}: ${status}`)
      if (!fits) refused++
    }
  }
  assert.ok(refused > 10)
})

test('a token for one app reaches that app alone, whatever its scope', async () => {
  let reached = 0
  for (const scope of scopes) {
    const { secret } = await api.client.tokens.create({
      name: 'x',
      scopes: [scope],
      apps: ['shop'],
    })
    const headers = { authorization: `Bearer ${secret}` }
    for (const [name, route] of allRoutes) {
      const own = await send(route.method, pathOf(route.path, 'shop'), headers)
      const fits = route.scope === null || allows([scope], route.scope)
      const isOpen = ['apps.list', 'apps.create', 'version.get', 'openapi.get'].includes(name)
      const reaches = fits && (route.scope === null || isOpen || route.path.includes(':name'))
      assert.equal(own.status === 403, !reaches, `${name} with ${scope}: ${own.status}`)
      if (reaches) reached++
      if (!route.path.includes(':name')) continue
      // Names that begin or end alike, or differ by case, are of others; existing or not.
      for (const app of ['shop-admin', 'sho', 'Shop', 'shop%2f', 'shop%00', 'nobody']) {
        const foreign = await send(route.method, pathOf(route.path, app), headers)
        assert.equal(foreign.status, 403, `${name} of ${app} with ${scope}`)
      }
    }
  }
  assert.ok(reached > 40)
})

test('a token for one app sees and makes that one only', async () => {
  await using own = await openTestApi()
  for (const name of ['shop', 'shop-admin']) await own.client.apps.create({ name })
  const { secret } = await own.client.tokens.create({
    name: 'x',
    scopes: ['deploy'],
    apps: ['shop', 'new'],
  })
  const client = createClient({ url: own.url, token: secret })
  assert.deepEqual(
    (await client.apps.list()).map(({ name }) => name),
    ['shop'],
  )
  await client.apps.create({ name: 'new' })
  await assert.rejects(client.apps.create({ name: 'newer' }), { code: 'forbidden' })
  await assert.rejects(client.tokens.list(), { code: 'forbidden' })
})

test('a path that does not exist tells strangers nothing', async () => {
  const stranger = await send('GET', '/nothing')
  assert.equal(stranger.status, 401)
  const known = await send('GET', '/nothing', { 'x-auth-token': api.token })
  assert.equal(known.status, 404)
  assert.equal(JSON.parse(known.body).code, 'not-found')
  const method = await send('PUT', '/applications', { 'x-auth-token': api.token })
  assert.deepEqual([method.status, method.headers['allow']], [405, 'GET, HEAD, POST'])
  assert.equal((await send('PUT', '/applications')).status, 401)
})

test('answers have a request id and forbid sniffing, framing and caching', async () => {
  const { headers, body } = await send('GET', '/stats')
  assert.equal(headers['content-type'], 'application/problem+json')
  assert.equal(headers['www-authenticate'], 'Bearer')
  assert.equal(headers['x-content-type-options'], 'nosniff')
  assert.equal(headers['cache-control'], 'no-store')
  assert.equal(headers['access-control-allow-origin'], undefined)
  assert.equal(JSON.parse(body).requestId, headers['x-request-id'])
})

test('a host name that is not of the API is refused, even with the token', async () => {
  const headers = { 'x-auth-token': api.token }
  for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.nip.io', '[::1']) {
    const { status } = await send('GET', '/version', { ...headers, host })
    assert.equal(status, 403, host)
  }
  for (const host of ['localhost', 'LOCALHOST:1', '127.0.0.1:80', '[::1]:8700', '10.0.0.7']) {
    assert.equal((await send('GET', '/version', { ...headers, host })).status, 200, host)
  }
})

test('the host that the API was given passes', async () => {
  await using own = await openTestApi({ apiDomain: 'API.example.org' })
  const response = await new Promise<number>((resolve, reject) => {
    const headers = { host: 'api.example.org' }
    const sent = request({ port: own.port, path: '/healthz', headers, agent: false }, (answer) => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    })
    sent.on('error', reject).end()
  })
  assert.equal(response, 200)
})

test('the admin token is a file for its owner only, and the store has no secret', async () => {
  const { mode } = await stat(api.layout.adminToken)
  assert.equal(mode & 0o777, 0o600)
  const rows = JSON.stringify(await api.store.list('tokens/'))
  assert.ok(!rows.includes(api.token) && rows.includes('"hash"'))
  assert.ok(!JSON.stringify(await api.client.tokens.list()).includes('hash'))
})

test('a client with a wrong token says what to do', async () => {
  const client = createClient({ url: api.url, token: 'wrong' })
  await assert.rejects(client.apps.list(), {
    code: 'unauthorized',
    message: 'The token is unknown or was revoked',
    hint: 'Log in with "viaduct login".',
    exitCode: 3,
  })
})
