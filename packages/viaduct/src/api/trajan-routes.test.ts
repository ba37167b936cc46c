import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openTestApi, type TestApi } from './open-test-api.suite.ts'

let api: TestApi
before(async () => {
  api = await openTestApi({ authToken: 'supersecret' })
})
after(() => api[Symbol.asyncDispose]())

async function send(path: string, token: string, init: RequestInit = {}) {
  const headers = { 'x-auth-token': token, ...(init.headers as Record<string, string>) }
  const response = await fetch(api.url + path, { ...init, headers })
  return [response.status, await response.json()] as const
}

const json = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

test('a wrong token is told in the words of the seed, and nothing is unpacked', async () => {
  const wrong = [403, { message: 'Wrong auth token' }] as const
  const upload = { method: 'POST', body: Buffer.from('x') }
  assert.deepEqual(await send('/api/deploy/example', 'abc', upload), wrong)
  assert.deepEqual(await send('/api/dynos', '', {}), wrong)
  assert.deepEqual(await send('/api/env/example', 'abc', json({ key: 'A', value: 'x' })), wrong)
  assert.equal(api.engine.uploads.length, 0)
})

test('an old client deploys without a media type and gets ids', async () => {
  const upload = { method: 'POST', body: Buffer.from('archive') }
  const answer = await send('/api/deploy/example', 'supersecret', upload)
  assert.deepEqual(answer, [200, { ids: [0, 1] }])
  assert.equal(api.engine.uploads[0]?.bytes, 7)
})

test('a deploy that cannot be is 500 with the reason', async () => {
  const upload = { method: 'POST', body: Buffer.from('x') }
  const [status, body] = await send('/api/deploy/Bad%20Name', 'supersecret', upload)
  assert.equal(status, 500)
  assert.deepEqual(Object.keys(body as object), ['error'])
})

test('env is staged for the next spawn, also of an app that is yet to come', async () => {
  const good = await send('/api/env/example', 'supersecret', json({ key: 'PORT', value: 3000 }))
  assert.deepEqual(good, [200, { status: 'ok' }])
  const call = ['setConfig', 'example', { PORT: '3000' }, { stage: true }]
  assert.deepEqual(api.engine.calls.at(-1), call)
  const early = await send('/api/env/later', 'supersecret', json({ key: 'PORT', value: 1 }))
  assert.deepEqual(early, [200, { status: 'ok' }])
  const bad = await send('/api/env/No_name', 'supersecret', json({ key: 'PORT', value: 1 }))
  assert.deepEqual(bad, [500, { status: 'error' }])
})

test('dynos are listed in the shape of the seed', async () => {
  assert.deepEqual(await send('/api/dynos', 'supersecret'), [200, { dynos: [] }])
})

test('a token that may only read neither deploys nor changes the env', async () => {
  const { secret } = await api.client.tokens.create({ name: 'eyes', scopes: ['read'] })
  const wrong = [403, { message: 'Wrong auth token' }] as const
  const upload = { method: 'POST', body: Buffer.from('x') }
  assert.deepEqual(await send('/api/deploy/example', secret, upload), wrong)
  assert.deepEqual(await send('/api/env/example', secret, json({ key: 'A', value: 'x' })), wrong)
  assert.equal((await send('/api/dynos', secret))[0], 200)
})

test('an upload over the limit of the server is refused', async () => {
  const upload = { method: 'POST', body: Buffer.alloc(100_001) }
  const [status, body] = await send('/api/deploy/example', 'supersecret', upload)
  assert.equal(status, 500)
  assert.match(JSON.stringify(body), /larger than 100000 bytes/)
})
