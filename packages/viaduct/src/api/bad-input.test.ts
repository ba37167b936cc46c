import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openTestApi, type TestApi } from './open-test-api.suite.ts'

let api: TestApi
before(async () => {
  api = await openTestApi()
  await api.client.deploys.create('shop', Buffer.from('x'))
})
after(() => api[Symbol.asyncDispose]())

interface Sent {
  readonly method?: string
  readonly json?: unknown
  readonly text?: string
  readonly headers?: Record<string, string>
}

async function send(path: string, { method = 'GET', json, text, headers }: Sent = {}) {
  const body = json === undefined ? text : JSON.stringify(json)
  const response = await fetch(api.url + path, {
    method,
    headers: {
      'x-auth-token': api.token,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body }),
  })
  const answer = (await response.json()) as Record<string, unknown>
  const data = (answer['data'] ?? {}) as Record<string, unknown>
  return { status: response.status, code: answer['code'], field: data['field'], answer }
}

const config = (json: unknown) => send('/applications/shop/config', { method: 'PATCH', json })
const scale = (json: unknown) => send('/applications/shop/formation', { method: 'PATCH', json })

test('app names outside of the rule are refused by name', async () => {
  const names = [
    'Shop',
    '-x',
    'x-',
    'a'.repeat(41),
    'a%2Fb',
    '..%2f..',
    'a%0Ab',
    '%24%28id%29',
    'a;b',
  ]
  for (const name of names) {
    const { status, code, field } = await send(`/applications/${name}`)
    assert.deepEqual([status, code, field], [422, 'bad-app-name', 'name'], name)
  }
  for (const path of ['/applications/%ff', '/applications/%00']) {
    assert.ok([400, 422].includes((await send(path)).status), path)
  }
})

test('an app that does not exist is 404 on every route of it', async () => {
  for (const path of ['', '/config', '/releases', '/deploys', '/instances', '/logs/app']) {
    const { status, code } = await send(`/applications/nobody${path}`)
    assert.deepEqual([status, code], [404, 'app-not-found'], path)
  }
})

test('counts that are none are refused with the process type', async () => {
  for (const count of [-1, 101, 1e9, 1.5, '3', null, true, {}]) {
    const { status, code, field } = await scale({ web: count })
    assert.deepEqual([status, code, field], [422, 'bad-count', 'web'], JSON.stringify(count))
  }
  assert.equal((await scale({})).status, 422)
  assert.equal((await scale([])).status, 422)
  assert.equal((await scale({ 'we b': 1 })).code, 'bad-process-type')
  assert.equal((await scale({ web: 0 })).status, 201)
})

test('config keys and values that are none are refused by name', async () => {
  for (const key of ['1A', 'A B', 'A=B', 'A\n', '', 'A-B', 'A;B', 'Ä']) {
    const { status, code, field } = await config({ changes: { [key]: 'x' } })
    assert.deepEqual([status, code, field], [422, 'bad-config-key', `changes.${key}`], key)
  }
  for (const value of [1, true, {}, ['x'], 'a\u0000b', 'x'.repeat(127 * 1024 + 1)]) {
    const { status, code, field } = await config({ changes: { A: value } })
    assert.deepEqual([status, code, field], [422, 'bad-request', 'changes.A'])
  }
  assert.equal((await config({})).field, 'changes')
  assert.equal((await config({ changes: {} })).field, 'changes')
  assert.equal((await config({ changes: { A: 'x' }, stage: 'true' })).field, 'stage')
  assert.equal((await config({ changes: { A: 'x' }, staged: true })).field, 'staged')
})

test('a value with line ends and quotes arrives as it is', async () => {
  const value = `a\n"b" 'c' $(d) \`e\` ü`
  assert.equal((await config({ changes: { A: value }, stage: true })).status, 200)
  assert.deepEqual((await send('/applications/shop/config')).answer['staged'], { A: value })
})

test('bodies that are not JSON, not an object, too large or poisoned are refused', async () => {
  const path = '/applications/shop/config'
  for (const text of ['[]', '"x"', '1', 'null', '']) {
    const { status, code } = await send(path, { method: 'PATCH', text })
    assert.deepEqual([status, code], [422, 'bad-request'], text)
  }
  for (const text of ['{', '{"changes":{"__proto__":"x"}}', '{"a":1}}', 'x=1']) {
    const { status, code } = await send(path, { method: 'PATCH', text })
    assert.deepEqual([status, code], [400, 'bad-json'], text)
  }
  const large = await send(path, { method: 'PATCH', text: ' '.repeat(1024 * 1024 + 1) })
  assert.equal(large.status, 413)
  const type = { 'content-type': 'text/plain' }
  assert.equal((await send(path, { method: 'PATCH', text: '{}', headers: type })).status, 415)
  assert.equal(({} as Record<string, unknown>)['x'], undefined)
})

test('a route that takes no body refuses fields, and may get an empty one', async () => {
  const path = '/applications/shop/restart'
  assert.equal((await send(path, { method: 'POST', json: { force: true } })).field, 'force')
  assert.equal((await send(path, { method: 'POST', json: {} })).status, 201)
  assert.equal((await send(path, { method: 'POST' })).status, 201)
})

test('queries are read strictly', async () => {
  const cases: [string, string][] = [
    ['/applications/shop/logs/app?lines=ten', 'lines'],
    ['/applications/shop/logs/app?lines=-1', 'lines'],
    ['/applications/shop/logs/app?lines=1&lines=2', 'lines'],
    ['/applications/shop/logs/app?follow=yes', 'follow'],
    ['/applications/shop/logs/app?__proto__=1', '__proto__'],
    ['/applications/shop/logs/app?since=yesterday', 'since'],
    ['/applications/shop/logs/app?process=../x', 'process'],
    ['/applications/shop/logs/secret', 'stream'],
    ['/applications?page=1', 'page'],
  ]
  for (const [path, wanted] of cases) {
    const { status, code, field } = await send(path)
    assert.deepEqual([status, code, field], [422, 'bad-request', wanted], path)
  }
  const release = await send('/applications/shop/logs/app?release=v0')
  assert.deepEqual([release.status, release.code], [422, 'bad-release'])
  const wait = await send('/applications/shop/restart?wait=1', { method: 'POST' })
  assert.equal(wait.field, 'wait')
})

test('releases and deploys that are none are said to be', async () => {
  const rollback = (release: unknown) =>
    send('/applications/shop/rollback', { method: 'POST', json: { release } })
  for (const release of [0, -1, 'v0', 'x', 1.5, {}, null, 'v1; rm']) {
    const { status, code, field } = await rollback(release)
    assert.deepEqual(
      [status, code, field],
      [422, 'bad-release', 'release'],
      JSON.stringify(release),
    )
  }
  assert.equal((await rollback('v99')).code, 'release-not-found')
  assert.equal((await rollback(1)).status, 201)
  for (const id of ['x', 'd000000000000', '..%2F..']) {
    const { status, code } = await send(`/applications/shop/deploys/${id}`)
    assert.deepEqual([status, code], [404, 'not-found'], id)
  }
})

test('commits and token names with control or shell characters are refused', async () => {
  for (const commit of ['a b', '$(id)', '-x\n', 'a;b', '']) {
    const path = `/applications/shop/deploys?commit=${encodeURIComponent(commit)}`
    const headers = { 'content-type': 'application/gzip' }
    const { status, field } = await send(path, { method: 'POST', text: 'x', headers })
    assert.deepEqual([status, field], [422, 'commit'], commit)
  }
  const cases = [{ name: '' }, { name: 'a\nb' }, { name: 'x'.repeat(81) }, { name: 1 }]
  for (const json of cases) {
    assert.equal((await send('/tokens', { method: 'POST', json })).field, 'name')
  }
  const scopes = await send('/tokens', { method: 'POST', json: { name: 'x', scopes: ['root'] } })
  assert.equal(scopes.field, 'scopes.0')
})
