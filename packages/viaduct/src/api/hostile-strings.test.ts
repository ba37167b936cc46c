/** What shells, paths, options, object keys and headers could trip over is only ever a string. */
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { openTestApi, type TestApi } from './open-test-api.suite.ts'

const runs = { numRuns: 150 }
const parts = [
  ...[';', '$(id)', '`id`', '|', '&', '\n', '\r\nX-Evil: 1', '\0', '../', '/', '\\', '-x', '--'],
  ...[
    '__proto__',
    'constructor',
    'prototype',
    "'",
    '"',
    ' ',
    '%00',
    '%2e%2e%2f',
    '*',
    '~',
    '\u2028',
  ],
]
const hostile = fc
  .array(fc.oneof(fc.constantFrom(...parts), fc.string({ maxLength: 4 })), {
    ...{ minLength: 1, maxLength: 4 },
  })
  .map((some) => some.join(''))

let api: TestApi
let files: string[]
before(async () => {
  api = await openTestApi()
  await api.client.deploys.create('shop', Buffer.from('x'))
  files = await readdir(api.layout.root, { recursive: true })
})
after(() => api[Symbol.asyncDispose]())

/** The places a stranger's string can be in, but config values: path, query, keys of bodies. */
const places: Readonly<Record<string, (text: string) => Promise<Response>>> = {
  'an app name': (text) => get(`/applications/${encodeURIComponent(text)}x`),
  'a deploy id': (text) => get(`/applications/shop/deploys/${encodeURIComponent(text)}x`),
  'a token id': (text) => send('DELETE', `/tokens/${encodeURIComponent(text)}x`),
  'a stream': (text) => get(`/applications/shop/logs/${encodeURIComponent(text)}x`),
  'a process of the log': (text) => query('logs/app', 'process', `${text};`),
  'a release of the log': (text) => query('logs/app', 'release', `${text};`),
  'a number of lines': (text) => query('logs/app', 'lines', `${text};`),
  'an unknown parameter': (text) => query('logs/app', `${text};`, '1'),
  'a release': (text) => send('POST', '/applications/shop/rollback', { release: `${text};` }),
  'a process type': (text) => send('PATCH', '/applications/shop/formation', own(`${text};`, 1)),
  'a config key': (text) =>
    send('PATCH', '/applications/shop/config', { changes: own(`${text};`, 'x') }),
  'a field': (text) => send('POST', '/applications/shop/restart', own(text, {})),
  'a commit': (text) =>
    send('POST', `/applications/shop/deploys?commit=${encodeURIComponent(`${text};`)}`, 'x'),
}

for (const [place, use] of Object.entries(places)) {
  test(`${place} of any kind is refused by name and touches nothing`, async () => {
    const property = fc.asyncProperty(hostile, async (text) => {
      const answer = await use(text)
      const problem = (await answer.json()) as { code?: string }
      assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status}`)
      assert.match(problem.code ?? '', /^[a-z-]+$/)
      assertClean(answer)
    })
    await fc.assert(property, runs)
    assert.deepEqual(await readdir(api.layout.root, { recursive: true }), files)
    assert.equal((await get('/applications/shop')).status, 200)
  })
}

test('a config value of any kind arrives as it is, or is refused for its NUL', async () => {
  const property = fc.asyncProperty(hostile, async (value) => {
    const path = '/applications/shop/config'
    const answer = await send('PATCH', path, { changes: { A: value } })
    assert.equal(answer.status, value.includes('\0') ? 422 : 200, await answer.text())
    assertClean(answer)
    if (answer.status !== 200) return
    const [, , changes] = api.engine.calls.at(-1) ?? []
    assert.deepEqual(changes, { A: value })
  })
  await fc.assert(property, runs)
})

function assertClean(answer: Response): void {
  assert.equal(answer.headers.get('x-evil'), null)
  assert.deepEqual(Object.keys(Object.prototype), [])
}

/** A property of its own, also when the key is `__proto__`. */
function own(key: string, value: unknown): unknown {
  return Object.fromEntries([[key, value]])
}

function query(route: string, name: string, value: string): Promise<Response> {
  return get(`/applications/shop/${route}?${new URLSearchParams([[name, value]]).toString()}`)
}

function get(path: string): Promise<Response> {
  return send('GET', path)
}

async function send(method: string, path: string, body?: unknown): Promise<Response> {
  const isUpload = typeof body === 'string'
  const type = isUpload ? 'application/gzip' : 'application/json'
  return await fetch(api.url + path, {
    method,
    headers: {
      authorization: `Bearer ${api.token}`,
      ...(body !== undefined && { 'content-type': type }),
    },
    ...(body !== undefined && { body: isUpload ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  })
}
