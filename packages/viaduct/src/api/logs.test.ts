import assert from 'node:assert/strict'
import { once } from 'node:events'
import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { createClient, type LogOptions } from '../contract/client.ts'
import { readEvents } from '../contract/event-stream.ts'
import { parseAppName, type ReleaseNumber } from '../model/ids.ts'
import { openTestApi, type TestApi, until } from './open-test-api.suite.ts'

let api: TestApi
const name = parseAppName('shop')
before(async () => {
  api = await openTestApi()
  await api.client.deploys.create('shop', Buffer.from('x'))
  await api.client.deploys.create('shop', Buffer.from('x'))
  await write(1, 'app', ['01 web.1 stdout one', '02 web.2 stderr two'])
  await write(2, 'app', ['03 web.1 stdout three', '04 worker.1 stdout four'])
  await write(1, 'install', ['00 install stdout old'])
  await write(2, 'install', ['00 install stdout new'])
})
after(() => api[Symbol.asyncDispose]())

function fileOf(release: number, kind: 'app' | 'install'): string {
  return api.layout.app(name).releaseLog(release as ReleaseNumber, kind)
}

/** Lines begin with the second of their time. */
async function write(release: number, kind: 'app' | 'install', lines: string[]): Promise<void> {
  const file = fileOf(release, kind)
  await mkdir(dirname(file), { recursive: true })
  await appendFile(
    file,
    lines.map((line) => `2026-01-01T00:00:${line.slice(0, 2)}.000Z${line.slice(2)}\n`).join(''),
  )
}

async function read(options: LogOptions = {}): Promise<string[]> {
  const found: string[] = []
  for await (const { text } of api.client.logs.read('shop', options)) found.push(text)
  return found
}

test('lines of all releases come in order, the newest last', async () => {
  assert.deepEqual(await read(), ['one', 'two', 'three', 'four'])
  assert.deepEqual(await read({ lines: 3 }), ['two', 'three', 'four'])
  assert.deepEqual(await read({ lines: 1 }), ['four'])
  assert.deepEqual(await read({ lines: 0 }), [])
})

test('each line names its release; those of the access log, whose text does, do not', async () => {
  const releases: (number | null)[] = []
  for await (const { release } of api.client.logs.read('shop')) releases.push(release)
  assert.deepEqual(releases, [1, 1, 2, 2])
  for await (const { release } of api.client.logs.read('shop', { stream: 'install' })) {
    assert.equal(release, 2)
  }
})

test('lines are chosen by stream, process, release and time', async () => {
  assert.deepEqual(await read({ stream: 'stderr' }), ['two'])
  assert.deepEqual(await read({ stream: 'stdout' }), ['one', 'three', 'four'])
  assert.deepEqual(await read({ process: 'web' }), ['one', 'two', 'three'])
  assert.deepEqual(await read({ process: 'web.1' }), ['one', 'three'])
  assert.deepEqual(await read({ process: 'w' }), [])
  assert.deepEqual(await read({ release: 'v1' }), ['one', 'two'])
  assert.deepEqual(await read({ since: Date.parse('2026-01-01T00:00:02Z') }), [
    'two',
    'three',
    'four',
  ])
  await assert.rejects(read({ release: 'v9' }), { code: 'release-not-found' })
})

test('the install log is that of the newest release', async () => {
  assert.deepEqual(await read({ stream: 'install' }), ['new'])
  assert.deepEqual(await read({ stream: 'install', release: '1' }), ['old'])
})

test('access logs of all workers are one, by time', async () => {
  const { logs } = api.layout.app(name)
  await writeFile(
    join(logs, 'access.0.log'),
    '{"at":1000,"path":"/a"}\n{"at":3000,"path":"/c"}\nhalf',
  )
  await writeFile(join(logs, 'access.1.log'), '{"at":2000,"path":"/b"}\n')
  const lines = await read({ stream: 'access' })
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).path),
    ['/a', '/b', '/c'],
  )
  assert.equal((await read({ stream: 'access', lines: 1 })).length, 1)
})

test('without asking for JSON, lines are text', async () => {
  const headers = { 'x-auth-token': api.token }
  const response = await fetch(`${api.url}/applications/shop/logs/app?lines=1`, { headers })
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain/)
  assert.equal(await response.text(), '2026-01-01T00:00:04.000Z worker.1 stdout four\n')
})

test('following shows new lines, also of releases that come later, until it is aborted', async () => {
  const abort = new AbortController()
  const lines = api.client.logs.read('shop', { follow: true, lines: 1, signal: abort.signal })
  const next = async () => ((await lines.next()).value as { text: string }).text
  assert.equal(await next(), 'four')
  await write(2, 'app', ['05 web.1 stdout five'])
  assert.equal(await next(), 'five')
  await write(3, 'app', ['06 web.1 stdout six'])
  assert.equal(await next(), 'six')
  const later = new Date(Date.now() + 60_000).toISOString()
  await appendFile(fileOf(1, 'app'), `${later} web.2 stdout seven\n`)
  assert.equal(await next(), 'seven')
  const ended = lines.next()
  abort.abort(new Error('enough'))
  await assert.rejects(ended)
})

test('following goes on through lost connections, with each line once', async () => {
  await using relay = await openRelay(Number(new URL(api.url).port))
  const client = createClient({ url: relay.url, token: api.token })
  const abort = new AbortController()
  const at = Date.now() + 120_000
  const options = { follow: true, since: at - 5_000, signal: abort.signal }
  const lines = client.logs.read('shop', options)
  const next = async () => ((await lines.next()).value as { text: string }).text
  const several = async (count: number) => {
    const found: string[] = []
    while (found.length < count) found.push(await next())
    return found.toSorted()
  }
  const say = async (release: number, text: string, time = at) =>
    appendFile(fileOf(release, 'app'), `${new Date(time).toISOString()} web.1 stdout ${text}\n`)
  await mkdir(dirname(fileOf(3, 'app')), { recursive: true })
  await say(1, 'before', at - 1_500)
  await say(1, 'old')
  await say(3, 'new')
  assert.deepEqual(await several(3), ['before', 'new', 'old'])
  relay.cut()
  // Of the same millisecond, of the same text, and late: as several files are read.
  await say(1, 'old')
  await say(1, 'older')
  await say(3, 'late', at - 1_000)
  assert.deepEqual(await several(3), ['late', 'old', 'older'])
  relay.cut()
  await say(3, 'end')
  assert.equal(await next(), 'end')
  const ended = lines.next()
  abort.abort(new Error('enough'))
  await assert.rejects(ended, /enough/)
})

test('who follows from now on misses nothing of an outage before the first line', async () => {
  await using relay = await openRelay(Number(new URL(api.url).port))
  let heard = ''
  const hearing = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      controller.enqueue(chunk)
      heard += Buffer.from(chunk).toString()
    },
  })
  const listening: typeof fetch = async (...request) => {
    const answer = await fetch(...request)
    return heard === '' ? new Response(answer.body?.pipeThrough(hearing), answer) : answer
  }
  const client = createClient({ url: relay.url, token: api.token, fetch: listening })
  const abort = new AbortController()
  const lines = client.logs.read('shop', { follow: true, lines: 0, signal: abort.signal })
  const first = lines.next()
  await until(() => heard.includes('event: place'))
  relay.refuse(true)
  await write(3, 'app', ['10 web.1 stdout meanwhile'])
  relay.refuse(false)
  assert.equal(((await first).value as { text: string }).text, 'meanwhile')
  const ended = lines.next()
  abort.abort(new Error('enough'))
  await assert.rejects(ended, /enough/)
})

test('as events, each line says where a reader can go on', async () => {
  const get = (headers: Record<string, string> = {}) =>
    fetch(`${api.url}/applications/shop/logs/app?release=v1&follow=true&lines=2`, {
      headers: { 'x-auth-token': api.token, accept: 'text/event-stream', ...headers },
    })
  const take = async (headers: Record<string, string>, count: number) => {
    const { body } = await get(headers)
    assert.ok(body)
    const found: { id: string; text: string | undefined }[] = []
    for await (const { id, data } of readEvents(body)) {
      found.push({ id, text: (JSON.parse(data) as { text?: string }).text })
      if (found.length === count) break
    }
    return found
  }
  const [place, one, two, end] = await take({}, 4)
  assert.deepEqual([place?.text, end?.text], [undefined, undefined])
  const resumed = await take({ 'last-event-id': one?.id ?? '' }, 3)
  assert.deepEqual(
    resumed.map(({ text }) => text),
    [undefined, two?.text, undefined],
  )
  await appendFile(fileOf(1, 'app'), '2026-01-01T00:00:20.000Z web.1 stdout twenty\n')
  const later = await take({ 'last-event-id': end?.id ?? '' }, 3)
  assert.equal(later.at(-1)?.text, 'twenty')
  const bad = await get({ 'last-event-id': '../x' })
  assert.deepEqual(
    [bad.status, ((await bad.json()) as { code: string }).code],
    [422, 'bad-request'],
  )
})

test('a stream ends when its app is gone', async () => {
  await api.client.deploys.create('leaver', Buffer.from('x'))
  const { logs } = api.layout.app(parseAppName('leaver'))
  await mkdir(join(logs, 'v1'), { recursive: true })
  await appendFile(join(logs, 'v1', 'app.log'), '2026-01-01T00:00:01.000Z web.1 stdout one\n')
  const headers = { 'x-auth-token': api.token }
  const url = `${api.url}/applications/leaver/logs/app?follow=true`
  const reading = fetch(url, { headers }).then((answer) => answer.text())
  await until(async () => (await api.client.apps.list()).some(({ name: one }) => one === 'leaver'))
  const found = await Promise.race([reading, rm(logs, { recursive: true }).then(() => reading)])
  assert.ok(['', '2026-01-01T00:00:01.000Z web.1 stdout one\n'].includes(found), found)
})

/** A port before the API's whose connections can be cut. */
async function openRelay(port: number) {
  const sockets = new Set<Socket>()
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  }
  let refusing = false
  const server = createServer((client) => {
    if (refusing) return client.destroy()
    const upstream = connect(port, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
    }
    client.pipe(upstream).pipe(client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    refuse(now: boolean) {
      refusing = now
      if (now) cut()
    },
    async [Symbol.asyncDispose]() {
      cut()
      server.close()
    },
  }
}
