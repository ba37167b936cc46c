/** The routes of the seed: make an app by its manifest, change it, read it; and how HTTP is kept. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { AppResource, DeployResource } from '../contract/resources.ts'
import { openTestApi, type TestApi } from './open-test-api.suite.ts'

let api: TestApi
before(async () => {
  api = await openTestApi()
})
after(() => api[Symbol.asyncDispose]())

/** What any of the answers may have. */
interface Answer {
  readonly app: AppResource
  readonly deploy: DeployResource | null
  readonly manifest: Readonly<Record<string, unknown>>
  readonly code: string
  readonly data: { readonly field?: string }
  readonly publicKey: string
}

interface Sent {
  readonly json?: unknown
  readonly headers?: Record<string, string>
}

async function send(method: string, path: string, { json, headers }: Sent = {}) {
  const response = await fetch(api.url + path, {
    method,
    headers: {
      'x-auth-token': api.token,
      ...(json !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  })
  const text = await response.text()
  const body = (text === '' ? {} : JSON.parse(text)) as Answer
  return { status: response.status, body, headers: response.headers }
}

/** Of a list. */
function items({ body }: { body: Answer }): readonly { name: string; number: number }[] {
  return body as unknown as readonly { name: string; number: number }[]
}

const repo = { url: 'https://example.org/shop.git' }

test('an app is made by its manifest, and its deploy is in the answer', async () => {
  const json = { name: 'rubynas', repo, scale: { web: 2 }, domain: ['^rubynas.*'] }
  const made = await send('POST', '/applications', { json })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  assert.equal(made.headers.get('location'), '/applications/rubynas')
  assert.equal(made.body.app.name, 'rubynas')
  assert.equal(made.body.deploy?.kind, 'deploy')
  const { body, headers } = await send('GET', '/applications/rubynas')
  assert.equal(body.manifest.name, 'rubynas')
  assert.deepEqual(body.manifest.repo, repo)
  assert.equal(headers.get('etag'), made.headers.get('etag'))
  assert.deepEqual(
    items(await send('GET', '/applications')).map(({ name }) => name),
    ['rubynas'],
  )
})

test('an app without a repository waits for its code', async () => {
  const { status, body } = await send('POST', '/applications', { json: { name: 'empty' } })
  assert.deepEqual([status, body.deploy, body.app.status], [201, null, 'running'])
})

test('a name that is taken is 409, an app that is not there 404', async () => {
  const again = await send('POST', '/applications', { json: { name: 'empty' } })
  assert.deepEqual([again.status, again.body.code], [409, 'exists'])
  const unknown = await send('PUT', '/applications/nobody', { json: {} })
  assert.deepEqual([unknown.status, unknown.body.code], [404, 'app-not-found'])
  const redeploy = await send('POST', '/applications/nobody/redeploy')
  assert.equal(redeploy.status, 404)
})

test('a value of the manifest that does not fit is 422 with its field', async () => {
  const cases: [object, string][] = [
    [{}, 'name'],
    [{ name: 'Shop' }, 'name'],
    [{ name: 'x', scale: { web: -1 } }, 'scale.web'],
    [{ name: 'x', repo: { url: 'ext::id' } }, 'repo.url'],
    [{ name: 'x', repo: { url: 'file:///etc' } }, 'repo.url'],
    [{ name: 'x', repo: { url: 'https://user:secret@example.org/x' } }, 'repo.url'],
    [{ name: 'x', repo: { ...repo, branch: '--upload-pack=id' } }, 'repo.branch'],
    [{ name: 'x', repo: {} }, 'repo.url'],
    [{ name: 'x', install: 'npm ci' }, 'install'],
    [{ name: 'x', reop: repo }, 'reop'],
  ]
  for (const [json, field] of cases) {
    const { status, body } = await send('POST', '/applications', { json })
    assert.deepEqual([status, body.data.field], [422, field], JSON.stringify(body))
    assert.ok(!JSON.stringify(body).includes('secret'))
  }
  const named = await send('PUT', '/applications/empty', { json: { name: 'other' } })
  assert.deepEqual([named.status, named.body.data.field], [422, 'name'])
})

test('a manifest is replaced whole, unless somebody else was faster', async () => {
  const first = await send('GET', '/applications/empty')
  const tag = first.headers.get('etag') ?? ''
  const put = (json: object, headers: Record<string, string> = {}) =>
    send('PUT', '/applications/empty', { json, headers })
  const one = await put({ scale: { web: 3 } }, { 'if-match': tag })
  assert.deepEqual([one.status, one.body.deploy], [200, null])
  assert.notEqual(one.headers.get('etag'), tag)
  const late = await put({ scale: { web: 1 } }, { 'if-match': tag })
  assert.deepEqual([late.status, late.body.code], [412, 'precondition-failed'])
  assert.deepEqual((await send('GET', '/applications/empty')).body.manifest.scale, { web: 3 })
  const newest = one.headers.get('etag') ?? ''
  assert.equal((await put({}, { 'if-match': `"x", ${newest}` })).status, 200)
  assert.equal((await put({}, { 'if-match': '*' })).status, 200)
  assert.equal((await put({})).headers.get('etag'), tag)
})

test('the order of keys makes no other tag', async () => {
  const put = async (json: object) =>
    (await send('PUT', '/applications/empty', { json })).headers.get('etag')
  const one = await put({ scale: { web: 1 }, routes: ['web'] })
  assert.equal(await put({ routes: ['web'], scale: { web: 1 } }), one)
  await put({})
})

test('a request that comes again with its key makes nothing more', async () => {
  const json = { name: 'once', repo }
  const headers = { 'idempotency-key': 'k-1' }
  const first = await send('POST', '/applications', { json, headers })
  const again = await send('POST', '/applications', { json, headers })
  assert.deepEqual([again.status, again.body.deploy?.id], [201, first.body.deploy?.id])
  const cancel = await send('POST', '/tokens', { json: { name: 'x' }, headers })
  assert.deepEqual([cancel.status, cancel.body.data.field], [422, 'Idempotency-Key'])
  const bad = await send('POST', '/applications/once/redeploy', {
    headers: { 'idempotency-key': 'a b' },
  })
  assert.equal(bad.status, 422)
})

test('lists come in pages that link to the next one; without asking, whole', async () => {
  for (const name of ['b', 'c', 'a']) await send('POST', '/applications', { json: { name } })
  const names = (answer: { body: Answer }) => items(answer).map(({ name }) => name)
  const all = await send('GET', '/applications')
  assert.deepEqual(names(all), ['a', 'b', 'c', 'empty', 'once', 'rubynas'])
  assert.equal(all.headers.get('link'), null)
  const seen: string[] = []
  let path: string | undefined = '/applications?limit=4'
  while (path !== undefined) {
    const page = await send('GET', path)
    seen.push(...names(page))
    path = /^<(.*)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1]
  }
  assert.deepEqual(seen, names(all))
  assert.deepEqual(names(await send('GET', '/applications?after=bb')), names(all).slice(2))
  assert.equal((await send('GET', '/applications?limit=0')).body.data.field, 'limit')
  for (const _ of [1, 2, 3]) await api.client.deploys.create('a', Buffer.from('x'))
  const numbers = (answer: { body: Answer }) => items(answer).map(({ number }) => number)
  const newest = await send('GET', '/applications/a/releases?limit=2')
  assert.deepEqual(numbers(newest), [3, 2])
  assert.deepEqual(numbers(await send('GET', '/applications/a/releases?limit=2&after=2')), [1])
})

test('HEAD is GET without the body, also of a stream', async () => {
  for (const path of ['/applications', '/applications/a', '/applications/a/logs/app?follow=true']) {
    const { status, body, headers } = await send('HEAD', path)
    assert.deepEqual([status, body], [200, {}], path)
    assert.ok(headers.get('content-type'), path)
  }
  assert.equal((await send('HEAD', '/applications/nobody')).status, 404)
})

test('another method is 405 with those there are, another media type 415', async () => {
  const { status, headers, body } = await send('PATCH', '/applications/a')
  assert.deepEqual([status, headers.get('allow')], [405, 'DELETE, GET, HEAD, PUT'])
  assert.equal(body.code, 'bad-method')
  assert.equal((await send('PUT', '/nothing')).status, 404)
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const posted = await send('POST', '/applications', { json: {}, headers: form })
  assert.deepEqual([posted.status, posted.body.code], [415, 'bad-media-type'])
})

test('names that begin alike are different apps', async () => {
  for (const name of ['shop', 'shop-admin']) await send('POST', '/applications', { json: { name } })
  await send('DELETE', '/applications/shop')
  assert.equal((await send('GET', '/applications/shop-admin')).status, 200)
  assert.equal((await send('GET', '/applications/shop')).status, 404)
})

test('the key of an app is shown', async () => {
  const { body } = await send('GET', '/applications/a/key')
  assert.match(body.publicKey, /^ssh-ed25519 /)
})
