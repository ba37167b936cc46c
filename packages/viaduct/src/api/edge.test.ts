import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parseAppName } from '../model/ids.ts'
import { openTestApi, type TestApi } from './open-test-api.suite.ts'

let api: TestApi

before(async () => {
  api = await openTestApi()
  const path = join(api.layout.root, 'upload')
  await writeFile(path, '')
  await api.engine.deploy(parseAppName('shop'), { path, sha256: '', bytes: 0 }, { commit: null })
})
after(() => api[Symbol.asyncDispose]())

test('routes are replaced, changed, cleared', async () => {
  const { routes } = api.client
  const blog = { host: 'example.com', path: '/blog', strip: true }
  await routes.replace('shop', { routes: [{ host: 'a.test' }, blog] })
  const { routes: two } = await routes.change('shop', { add: [{ path: '/x/' }], remove: [blog] })
  assert.deepEqual(two, [
    { host: 'a.test', path: '/', strip: false, source: 'server', takenBy: null },
    { host: '*', path: '/x', strip: false, source: 'server', takenBy: null },
  ])
  assert.deepEqual(await routes.list('shop'), { routes: two })
  await assert.rejects(routes.replace('shop', { routes: [{ host: 'a b' }] }), {
    code: 'bad-domain',
    status: 422,
    data: { field: 'domain' },
  })
  await assert.rejects(routes.change('shop', { add: [{ path: '/', strip: true }] }), {
    code: 'bad-route',
    data: { field: 'strip' },
  })
  const unknown = { add: [{ hosts: 'a' }] } as object
  await assert.rejects(routes.change('shop', unknown), { code: 'bad-request' })
  assert.deepEqual(await routes.list('shop'), { routes: two })
  assert.deepEqual(await routes.clear('shop'), { routes: [] })
  await assert.rejects(routes.list('nobody'), { code: 'app-not-found', status: 404 })
})

test('an own port is set, shown and cleared; a direct one begins a deploy', async () => {
  const { port, apps } = api.client
  assert.deepEqual(await port.get('shop'), { port: null, source: null })
  const tls = { number: 9443, direct: null, tls: true } as const
  const set = await port.set('shop', { number: 9443, tls: true })
  assert.deepEqual(set, { port: tls, source: 'server', deploy: null })
  assert.deepEqual((await apps.get('shop')).port, tls)
  const { deploy } = await port.set('shop', { number: 9000, direct: 'node' })
  assert.equal(deploy?.kind, 'restart')
  api.engine.finish('shop', deploy.id, 'succeeded')
  for (const number of [0, 65_536, 1.5]) {
    await assert.rejects(port.set('shop', { number }), { code: 'bad-request', status: 422 })
  }
  await assert.rejects(port.set('shop', { number: 1, direct: 'node', tls: true }), {
    code: 'bad-route',
    data: { field: 'tls' },
  })
  const cleared = await port.clear('shop')
  assert.deepEqual([cleared.port, cleared.source], [null, null])
  await assert.rejects(port.get('nobody'), { code: 'app-not-found' })
})

test('http options are replaced, changed, cleared, and refused by field', async () => {
  const { http } = api.client
  await http.replace('shop', { compress: true, bodyMaxBytes: 5 })
  const changed = await http.change('shop', { compress: null, hsts: { maxAgeS: 1 } })
  assert.deepEqual(changed.http, { bodyMaxBytes: 5, hsts: { maxAgeS: 1 } })
  assert.deepEqual(changed.server, changed.http)
  const cases: [object, string][] = [
    [{ compress: 'yes' }, 'compress'],
    [{ rateLimit: { perClient: { requests: 0, perMs: 1 } } }, 'rateLimit.perClient.requests'],
    [{ deny: ['10.0.0.0/8', 'x'] }, 'deny[1]'],
    [
      { basicAuth: { users: [{ name: 'a', passwordHash: 'plain' }] } },
      'basicAuth.users[0].passwordHash',
    ],
    [{ nothing: 1 }, 'nothing'],
    [{ canonicalHost: '*.x.org' }, 'canonicalHost'],
  ]
  for (const [options, field] of cases) {
    const wanted = { code: 'bad-http-option', status: 422, data: { field } }
    await assert.rejects(http.change('shop', { ...options }), wanted)
  }
  assert.deepEqual(await http.get('shop'), changed)
  assert.deepEqual(await http.clear('shop'), { http: {}, server: {} })
})
