import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { request } from 'node:http'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { createClient } from '../contract/client.ts'
import type { DeployEventResource } from '../contract/resources.ts'
import { type AppError, systemCodeOf } from '../model/app-error.ts'
import { openTestApi, type TestApi, until } from './open-test-api.suite.ts'

let api: TestApi
before(async () => {
  api = await openTestApi()
})
after(() => api[Symbol.asyncDispose]())

async function uploadsInProgress(): Promise<string[]> {
  try {
    return await readdir(api.layout.uploads)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return []
    throw error
  }
}

async function newDeploy(): Promise<string> {
  return (await api.client.deploys.create('shop', Buffer.from('archive'))).id
}

test('an upload arrives whole, streamed, and answers with its deploy', async () => {
  const pieces = Array.from({ length: 50 }, (_, index) => Buffer.alloc(1000, index))
  async function* stream() {
    yield* pieces
  }
  const deploy = await api.client.deploys.create('new-app', stream(), { commit: 'abc123' })
  assert.deepEqual([deploy.app, deploy.state, deploy.kind], ['new-app', 'queued', 'deploy'])
  const upload = api.engine.uploads.at(-1)
  const sha256 = createHash('sha256').update(Buffer.concat(pieces)).digest('hex')
  assert.deepEqual([upload?.bytes, upload?.sha256], [50_000, sha256])
  assert.deepEqual(api.engine.calls.at(-1), ['deploy', 'new-app', { commit: 'abc123' }])
  assert.equal((await api.client.deploys.list('new-app'))[0]?.id, deploy.id)
  assert.deepEqual(await uploadsInProgress(), [])
})

test('an upload over the limit is 413, and nothing is left', async () => {
  const large = Buffer.alloc(3_000_000)
  await assert.rejects(api.client.deploys.create('shop', large), { code: 'upload-too-large' })
  assert.deepEqual(await uploadsInProgress(), [])
})

test('an upload without an archive or of another type is refused', async () => {
  const post = async (headers: Record<string, string>, body?: string) => {
    const url = `${api.url}/applications/shop/deploys`
    const init = { method: 'POST', headers: { 'x-auth-token': api.token, ...headers } }
    const response = await fetch(url, { ...init, ...(body !== undefined && { body }) })
    return ((await response.json()) as { code: string }).code
  }
  assert.equal(await post({ 'content-type': 'text/html' }, 'x'), 'bad-media-type')
  assert.equal(await post({}), 'bad-upload')
  // What is in an archive, also in an empty one, is for the engine to say.
  assert.equal(await post({ 'content-type': 'application/gzip' }), undefined)
  assert.equal(api.engine.uploads.at(-1)?.bytes, 0)
})

test('a stranger gets the answer although the upload goes on, and nothing is written', async () => {
  let sent = 0
  async function* endless() {
    for (;;) {
      sent++
      yield Buffer.alloc(64 * 1024)
    }
  }
  const stranger = createClient({ url: api.url, token: 'wrong' })
  const before = api.engine.uploads.length
  await assert.rejects(stranger.deploys.create('shop', endless()), { code: 'unauthorized' })
  assert.equal(api.engine.uploads.length, before)
  assert.deepEqual(await uploadsInProgress(), [])
  const atAnswer = sent
  await until(async () => {
    const last = sent
    await new Promise((resolve) => setTimeout(resolve, 100))
    return sent === last
  })
  assert.ok(sent >= atAnswer)
})

test('a client that asks first is told to go on only with a good token', async () => {
  const ask = (token: string) =>
    new Promise<string>((resolve, reject) => {
      const path = '/applications/shop/deploys'
      const type = { 'content-type': 'application/gzip', expect: '100-continue' }
      const headers = { ...type, 'x-auth-token': token }
      const sent = request({ port: api.port, method: 'POST', path, headers, agent: false })
      let heard = ''
      sent.on('continue', () => {
        heard = 'continue '
        sent.end('archive')
      })
      sent.on('response', (response) => {
        response.resume()
        resolve(heard + response.statusCode)
        sent.destroy()
      })
      sent.on('error', reject)
      sent.flushHeaders()
    })
  assert.equal(await ask('wrong'), '401')
  assert.equal(await ask(api.token), 'continue 201')
})

test('a client that leaves in the middle of an upload leaves nothing behind', async () => {
  const before = api.engine.uploads.length
  const socket = connect(api.port, '127.0.0.1')
  socket.write(
    [
      'POST /applications/shop/deploys HTTP/1.1',
      'Host: localhost',
      `X-Auth-Token: ${api.token}`,
      'Content-Type: application/gzip',
      'Content-Length: 5000',
      '',
      'a part',
    ].join('\r\n'),
  )
  await until(async () => (await uploadsInProgress()).length === 1)
  socket.destroy()
  await until(async () => (await uploadsInProgress()).length === 0)
  assert.equal(api.engine.uploads.length, before)
})

test('events come while they happen and end with the deploy', async () => {
  const id = await newDeploy()
  api.engine.say('shop', id, 'deploy.queued')
  const events = api.client.deploys.events('shop', id)
  assert.equal(((await events.next()).value as DeployEventResource).type, 'deploy.queued')
  const next = events.next()
  await until(() => api.engine.readers === 1)
  api.engine.say('shop', id, 'build.started')
  assert.equal(((await next).value as DeployEventResource).seq, 2)
  api.engine.finish('shop', id, 'succeeded')
  const end = await events.next()
  assert.equal(end.done, true)
  assert.equal(end.value.state, 'succeeded')
  assert.equal(api.engine.readers, 0)
})

test('events resume after Last-Event-ID, and after=N', async () => {
  const id = await newDeploy()
  for (let n = 0; n < 3; n++) api.engine.say('shop', id, 'build.output')
  api.engine.finish('shop', id, 'succeeded')
  const url = `${api.url}/applications/shop/deploys/${id}/events`
  const headers = { 'x-auth-token': api.token }
  const resumed = await fetch(url, { headers: { ...headers, 'last-event-id': '2' } })
  assert.equal(resumed.headers.get('content-type'), 'text/event-stream')
  const ids = (text: string) => [...text.matchAll(/^id: (.*)$/gm)].map((match) => match[1])
  const text = await resumed.text()
  assert.deepEqual(ids(text), ['3'])
  assert.match(text, /^event: end$/m)
  const after = await fetch(`${url}?after=1`, { headers })
  assert.deepEqual(ids(await after.text()), ['2', '3'])
  const bad = await fetch(url, { headers: { ...headers, 'last-event-id': 'x' } })
  assert.equal(bad.status, 422)
})

test('the client follows a deploy through a connection that breaks', async () => {
  const id = await newDeploy()
  let connections = 0
  const broken: typeof fetch = async (input, init) => {
    connections++
    if (connections === 2) throw new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } })
    const response = await fetch(input, init)
    if (connections > 1 || response.body === null) return response
    // The first connection ends in the middle of the second event.
    const cut = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        const text = Buffer.from(chunk).toString()
        const at = text.indexOf('id: 2')
        if (at === -1) return controller.enqueue(chunk)
        controller.enqueue(Buffer.from(text.slice(0, at + 30)))
        controller.terminate()
      },
    })
    return new Response(response.body.pipeThrough(cut))
  }
  const client = createClient({ url: api.url, token: api.token, fetch: broken })
  const seen: number[] = []
  api.engine.say('shop', id, 'deploy.queued')
  for await (const event of client.deploys.events('shop', id)) {
    seen.push(event.seq)
    if (event.seq < 3) api.engine.say('shop', id, 'build.output')
    else api.engine.finish('shop', id, 'succeeded')
  }
  assert.deepEqual(seen, [1, 2, 3])
  assert.equal(connections, 3)
})

test('who stops following frees the server', async () => {
  const id = await newDeploy()
  api.engine.say('shop', id, 'deploy.queued')
  const abort = new AbortController()
  const events = api.client.deploys.events('shop', id, { signal: abort.signal })
  await events.next()
  const next = events.next()
  await until(() => api.engine.readers === 1)
  abort.abort(new Error('enough'))
  await assert.rejects(next, { message: 'enough' })
  await until(() => api.engine.readers === 0)
})

test('wait answers with the finished deploy, or with why it failed', async () => {
  const newest = async () => (await api.client.deploys.list('shop'))[0]?.id ?? ''
  const good = api.client.apps.restart('shop', { wait: 'ready' })
  await until(() => api.engine.readers === 1)
  api.engine.finish('shop', await newest(), 'succeeded')
  assert.equal((await good).state, 'succeeded')

  const bad = api.client.deploys.rollback('shop', { wait: 'ready' })
  await until(() => api.engine.readers === 1)
  const failure = { code: 'not-ready', message: 'It never listened', hint: 'Listen on $PORT.' }
  api.engine.finish('shop', await newest(), 'failed', { ...failure, data: { attempts: 3 } })
  await assert.rejects(bad, (error: AppError) => {
    const { code, message, hint, status, data } = error
    assert.deepEqual({ code, message, hint, status }, { ...failure, status: 422 })
    assert.partialDeepStrictEqual(data, { attempts: 3, deploy: { state: 'failed', app: 'shop' } })
    return true
  })

  const outrun = api.client.config.set('shop', { A: 'x' }, { wait: 'drained' })
  await until(() => api.engine.readers === 1)
  api.engine.finish('shop', await newest(), 'superseded')
  await assert.rejects(outrun, { code: 'superseded', status: 409 })
})

test('no answer but that of config shows a value of the config', async () => {
  await newDeploy()
  const { apps, releases, config } = api.client
  const shown = JSON.stringify([await apps.list(), await releases.list('shop')])
  assert.ok(!shown.includes('hunter2') && shown.includes('SECRET'))
  assert.equal((await config.get('shop')).config['SECRET'], 'hunter2')
})

test('closing the API ends streams and waiting requests soon', async () => {
  const own = await openTestApi()
  const { id } = await own.client.deploys.create('shop', Buffer.from('x'))
  const url = `${own.url}/applications/shop/deploys/${id}/events`
  const stream = await fetch(url, { headers: { 'x-auth-token': own.token } })
  await until(() => own.engine.readers === 1)
  const waiting = own.client.apps.restart('shop', { wait: 'ready' })
  await until(() => own.engine.readers === 2)
  const [text, outcome] = await Promise.all([
    stream.text(),
    waiting.catch((error: unknown) => (error as { code: string }).code),
    own[Symbol.asyncDispose](),
  ])
  assert.doesNotMatch(text, /end/)
  assert.equal(outcome, 'busy')
})

test('a server that is not there is said to be', async () => {
  const client = createClient({ url: 'http://127.0.0.1:9' })
  await assert.rejects(client.apps.list(), {
    code: 'no-server',
    exitCode: 5,
    message: /127.0.0.1:9/,
  })
  assert.throws(() => createClient({ url: 'localhost:8700' }), { code: 'bad-request' })
})
