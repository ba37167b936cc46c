import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { staticPathMaxChars } from '../../model/proxy-limits.ts'
import type { AppRoute, RouteTable } from '../../model/routing/route.ts'
import { routeTable } from '../fixtures/route-table.ts'
import { get, ok, startProxy, TestClient, TestInstance, until } from '../fixtures/test-proxy.ts'
import { parseHttpDate } from './http-date.ts'
import { parseRange } from './parse-range.ts'
import { StaticFiles } from './static-files.ts'
import type { Visit, Visitor } from './visit.ts'

interface Site extends AsyncDisposable {
  /** The answer to one request; its body too. */
  ask(request: string): Promise<string>
  readonly port: number
}

/** A worker that serves `public` of a directory with files, before an instance or without one. */
async function openSite(
  options: { isAlone?: boolean; matches?: AppRoute['matches'] } = {},
): Promise<Site> {
  const root = await mkdtemp(join(tmpdir(), 'static-'))
  const dir = join(root, 'public')
  await mkdir(join(dir, 'docs'), { recursive: true })
  await mkdir(join(dir, 'empty'))
  await writeFile(join(root, 'secret'), 'secret')
  await writeFile(join(dir, 'index.html'), '<h1>start</h1>')
  await writeFile(join(dir, 'docs/index.html'), 'docs')
  await writeFile(join(dir, 'style.css'), 'body { color: red }')
  await writeFile(join(dir, 'style.css.gz'), gzipSync('body { color: red }'))
  await writeFile(join(dir, '.env'), 'TOKEN=1')
  await writeFile(join(dir, 'a b.txt'), 'space')
  await writeFile(join(dir, 'large.bin'), Buffer.alloc(3_000_000, 'x'))
  await symlink('../secret', join(dir, 'out'))
  await mkdir(join(root, 'public2'))
  await writeFile(join(root, 'public2', 'secret'), 'secret')
  await symlink('../public2/secret', join(dir, 'beside'))
  await mkdir(join(dir, '.well-known'))
  await writeFile(join(dir, '.well-known', 'security.txt'), 'known')
  await mkdir(join(dir, 'odd', 'index.html'), { recursive: true })
  await mkdir(join(root, 'more'))
  await writeFile(join(root, 'more', 'copy.css'), 'body { color: red }')
  await writeFile(join(root, 'more', 'style.css'), 'hidden by the first folder')
  // Opening it would wait for ever.
  execFileSync('mkfifo', [join(dir, 'style.css.br')])
  execFileSync('mkfifo', [join(dir, 'pipe')])
  await symlink('style.css', join(dir, 'in.css'))
  const instance = await TestInstance.answering(ok('app'))
  const ports = options.isAlone ? [] : [instance.port]
  const [route] = routeTable(1, [{ ports }]).apps as [AppRoute]
  const whenEmpty = options.isAlone ? 'scaled-to-zero' : 'hold'
  const matches = options.matches ?? route.matches
  const apps = [{ ...route, matches, whenEmpty, staticDirs: [dir, join(root, 'more')] } as const]
  const proxy = await startProxy({ ...routeTable(1, []), apps, defaultApp: route.app })
  return {
    port: proxy.port,
    async ask(request) {
      using client = new TestClient(proxy.port)
      client.send(request.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
      return await client.over()
    },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]()
      await instance[Symbol.asyncDispose]()
      await rm(root, { recursive: true })
    },
  }
}

const field = (answer: string, name: string): string =>
  new RegExp(`\r\n${name}: ([^\r]*)`, 'i').exec(answer)?.[1] ?? ''
const bodyOf = (answer: string): string => answer.slice(answer.indexOf('\r\n\r\n') + 4)

test('a file is served with its type and tag, what is no file goes to the app', async () => {
  await using site = await openSite()
  const css = await site.ask(get('/style.css?v=1'))
  assert.match(css, /^HTTP\/1.1 200 OK\r\n/)
  assert.equal(field(css, 'content-type'), 'text/css; charset=utf-8')
  assert.equal(field(css, 'x-content-type-options'), 'nosniff')
  assert.equal(bodyOf(css), 'body { color: red }')
  assert.equal(bodyOf(await site.ask(get('/'))), '<h1>start</h1>')
  assert.equal(bodyOf(await site.ask(get('/a%20b.txt'))), 'space')
  assert.equal(bodyOf(await site.ask(get('/in.css'))), 'body { color: red }')
  assert.equal(bodyOf(await site.ask(get('/.well-known/security.txt'))), 'known')
  // The same bytes are the same, wherever they are.
  const copy = await site.ask(get('/copy.css'))
  assert.deepEqual([bodyOf(copy), field(copy, 'etag')], [bodyOf(css), field(css, 'etag')])
  assert.equal(field(await site.ask(get('/docs?x=1')), 'location'), '/docs/?x=1')
  assert.equal(bodyOf(await site.ask(get('/docs/'))), 'docs')
  const toTheApp = [
    '/other',
    '/empty/',
    '/beside',
    '/odd',
    '/.well-known/.env',
    '/style.css/',
    '/../secret',
    '/%2e%2e/secret',
    '/out',
  ]
  for (const path of [...toTheApp, '/.env', '/%2eenv', '/%00', '/%zz', '/docs/..%2f..%2fsecret']) {
    assert.equal(bodyOf(await site.ask(get(path))), 'app', path)
  }
  const post = 'POST /style.css HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'
  assert.equal(bodyOf(await site.ask(post)), 'app')
  const head = await site.ask(get('/style.css').replace('GET', 'HEAD'))
  assert.equal(field(head, 'content-length'), '19')
  assert.equal(bodyOf(head), '')
})

test('a path that no file can have is left to the app, and doubled slashes lead to the same file', async () => {
  await using site = await openSite()
  assert.equal(bodyOf(await site.ask(get(`/${'x'.repeat(20_000)}`))), 'app')
  assert.equal(bodyOf(await site.ask(get('//docs///index.html'))), 'docs')
  const moved = await site.ask(get('///docs?a'))
  assert.equal(field(moved, 'location'), '/docs/?a')
  assert.equal(field(moved, 'content-length'), '0')
  // Opening it would wait for ever.
  assert.equal(bodyOf(await site.ask(get('/pipe'))), 'app')
})

test('without an instance what is no file is 404', async () => {
  await using site = await openSite({ isAlone: true })
  assert.equal(bodyOf(await site.ask(get('/'))), '<h1>start</h1>')
  assert.match(await site.ask(get('/other')), / 404 [^]*viaduct-error: no-file\r\n/)
})

test('files alone are read and nothing else: another method gets 405, with those that there are', async () => {
  await using site = await openSite({ isAlone: true })
  for (const path of ['/style.css', '/other', '/.env']) {
    for (const method of ['POST', 'DELETE', 'OPTIONS', 'get']) {
      const request = `${method} ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`
      const answer = await site.ask(request)
      assert.match(answer, /^HTTP\/1.1 405 Method Not Allowed\r\nviaduct-error: method-refused\r\n/)
      assert.equal(field(answer, 'allow'), 'GET, HEAD')
    }
  }
  assert.match(await site.ask(get('/other').replace('GET', 'HEAD')), /^HTTP\/1.1 404 [^]*\r\n\r\n$/)
})

test('a condition on the state of a file is kept, or the answer is 412', async () => {
  await using site = await openSite()
  const css = await site.ask(get('/style.css'))
  const etag = field(css, 'etag')
  const date = field(css, 'last-modified')
  const [old, later] = ['Thu, 01 Jan 1998 00:00:00 GMT', 'Fri, 01 Jan 2100 00:00:00 GMT']
  const cases: [number, ...string[]][] = [
    [200, `If-Match: ${etag}`],
    [200, `If-Match: "other", ${etag}`],
    [200, 'If-Match: "other"', `If-Match: ${etag}`],
    [200, 'If-Match: *'],
    [412, 'If-Match: "other"'],
    // Weak tags do not say that the bytes are the same.
    [412, `If-Match: W/${etag}`],
    [200, `If-Unmodified-Since: ${date}`],
    [200, `If-Unmodified-Since: ${later}`],
    [412, `If-Unmodified-Since: ${old}`],
    [200, 'If-Unmodified-Since: nonsense'],
    [200, 'If-Unmodified-Since: in 1998'],
    // A tag says more than a date.
    [200, `If-Match: ${etag}`, `If-Unmodified-Since: ${old}`],
    [412, 'If-Match: "other"', `If-Unmodified-Since: ${later}`],
    [412, 'If-Match: "other"', `If-None-Match: ${etag}`],
    [304, `If-Match: ${etag}`, `If-None-Match: ${etag}`],
    [200, 'If-None-Match: "other"', `If-Modified-Since: ${later}`],
    [412, 'If-Match: "other"', 'Range: bytes=0-0'],
    [206, `If-Match: ${etag}`, 'Range: bytes=0-0'],
  ]
  for (const [status, ...conditions] of cases) {
    for (const method of ['GET', 'HEAD']) {
      // Parts are of GET only.
      const expected = method === 'HEAD' && status === 206 ? 200 : status
      const answer = await site.ask(get('/style.css', ...conditions).replace('GET', method))
      assert.equal(Number(answer.slice(9, 12)), expected, `${method} ${conditions.join()}`)
      assert.equal(field(answer, 'etag'), etag)
      if (method === 'HEAD' || status > 299) assert.equal(bodyOf(answer), '')
    }
  }
})

test('dates come in three forms, and nothing else is a date', () => {
  const at = Date.UTC(1994, 10, 6, 8, 49, 37)
  for (const text of [
    'Sun, 06 Nov 1994 08:49:37 GMT',
    'Sunday, 06-Nov-94 08:49:37 GMT',
    'Sun Nov  6 08:49:37 1994',
  ]) {
    assert.equal(parseHttpDate(text), at, text)
  }
  const none = ['', '1994', 'in 1994', '"6 Nov 1994"', '1994-11-06T08:49:37Z']
  for (const text of [...none, 'Sun, 06 Foo 1994 08:49:37 GMT', 'Sun, 06 Nov 1994 08:49:37 CET']) {
    assert.ok(Number.isNaN(parseHttpDate(text)), text)
  }
})

test('who has the file already gets 304, by tag or by date', async () => {
  await using site = await openSite()
  const css = await site.ask(get('/style.css'))
  const etag = field(css, 'etag')
  for (const condition of [
    `If-None-Match: ${etag}`,
    `If-None-Match: "other", W/${etag}`,
    'If-None-Match: *',
    `If-Modified-Since: ${field(css, 'last-modified')}`,
  ]) {
    const answer = await site.ask(get('/style.css', condition))
    assert.match(answer, /^HTTP\/1.1 304 /, condition)
    assert.equal(bodyOf(answer), '')
    assert.equal(field(answer, 'etag'), etag)
  }
  const since = 'If-Modified-Since: Thu, 01 Jan 1998 00:00:00 GMT'
  for (const condition of ['If-None-Match: "other"', since, 'If-Modified-Since: nonsense']) {
    assert.match(await site.ask(get('/style.css', condition)), /^HTTP\/1.1 200 /, condition)
  }
})

test('ranges are cut out, and only of the file that the client has', async () => {
  await using site = await openSite()
  const part = await site.ask(get('/style.css', 'Range: bytes=5-10'))
  assert.match(part, /^HTTP\/1.1 206 Partial Content\r\n/)
  assert.equal(field(part, 'content-range'), 'bytes 5-10/19')
  assert.equal(bodyOf(part), '{ colo')
  assert.equal(bodyOf(await site.ask(get('/style.css', 'Range: bytes=-3'))), 'ed }'.slice(1))
  const beyond = await site.ask(get('/style.css', 'Range: bytes=19-'))
  assert.match(beyond, /^HTTP\/1.1 416 /)
  assert.equal(field(beyond, 'content-range'), 'bytes */19')
  const etag = field(part, 'etag')
  const range = 'Range: bytes=0-0'
  assert.match(await site.ask(get('/style.css', range, `If-Range: ${etag}`)), / 206 /)
  const date = field(part, 'last-modified')
  assert.match(await site.ask(get('/style.css', range, `If-Range: ${date}`)), / 206 /)
  const older = 'If-Range: Thu, 01 Jan 1998 00:00:00 GMT'
  for (const other of ['If-Range: "other"', `If-Range: W/${etag}`, older, 'If-Range: nonsense']) {
    const whole = await site.ask(get('/style.css', range, other))
    assert.match(whole, /^HTTP\/1.1 200 /, other)
    assert.equal(bodyOf(whole).length, 19)
  }
  const beyondOther = get('/style.css', 'Range: bytes=19-', 'If-Range: "other"')
  assert.match(await site.ask(beyondOther), /^HTTP\/1.1 200 /)
  const head = await site.ask(get('/style.css', range).replace('GET', 'HEAD'))
  assert.match(head, /^HTTP\/1.1 200 [^]*Content-Length: 19\r\n/)
})

test('a compressed file beside it is sent to who accepts it', async () => {
  await using site = await openSite()
  const packed = await site.ask(get('/style.css', 'Accept-Encoding: br, gzip;q=0.5'))
  assert.equal(field(packed, 'content-encoding'), 'gzip')
  assert.equal(field(packed, 'vary'), 'Accept-Encoding')
  assert.equal(field(packed, 'content-type'), 'text/css; charset=utf-8')
  const plain = await site.ask(get('/style.css', 'Accept-Encoding: gzip;q=0'))
  assert.equal(field(plain, 'content-encoding'), '')
  assert.notEqual(field(plain, 'etag'), field(packed, 'etag'))
})

test('a large file arrives whole at a client that reads late, and its reading stops with it', async () => {
  await using site = await openSite()
  using client = new TestClient(site.port)
  client.socket.pause()
  client.send(get('/large.bin'))
  await new Promise((resolve) => setTimeout(resolve, 50))
  client.socket.resume()
  await until(() => client.text.length > 3_000_000, 'the file')
  assert.equal(bodyOf(client.text).length, 3_000_000)
  const leaver = new TestClient(site.port)
  leaver.socket.pause()
  leaver.send(get('/large.bin'))
  await until(() => leaver.socket.bytesWritten > 0, 'the request was sent')
  leaver.socket.resetAndDestroy()
  client.send(get('/style.css'))
  await until(() => client.text.endsWith('body { color: red }'), 'the next answer')
})

test('below a prefix that is stripped a folder is a folder: relative links go on working', async () => {
  const matches = [{ host: '*', path: '/blog', stripPath: true }]
  await using site = await openSite({ matches })
  assert.equal(field(await site.ask(get('/blog')), 'location'), '/blog/')
  assert.equal(field(await site.ask(get('/blog?x=1')), 'location'), '/blog/?x=1')
  assert.equal(bodyOf(await site.ask(get('/blog/'))), '<h1>start</h1>')
  assert.equal(field(await site.ask(get('/blog/docs')), 'location'), '/blog/docs/')
  assert.equal(bodyOf(await site.ask(get('/blog/docs/'))), 'docs')
})

test('ranges are read as RFC 9110 says', () => {
  const cases: [string, ReturnType<typeof parseRange>][] = [
    ['bytes=0-0', { start: 0, end: 1 }],
    ['Bytes=90-', { start: 90, end: 100 }],
    ['bytes=90-1000', { start: 90, end: 100 }],
    ['bytes=-1000', { start: 0, end: 100 }],
    ['bytes=100-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=5-4', null],
    ['bytes=0-1,3-4', null],
    ['bytes=-', null],
    ['lines=1-2', null],
    ['', null],
  ]
  for (const [text, range] of cases) assert.deepEqual(parseRange(text, 100), range, text)
})

test('what cannot be a file is left to the app at once; what was asked before is not answered', async () => {
  const told: string[] = []
  const visitor = {
    ...{ ticket: 1, isDone: false },
    ...{ place: () => told.push('place'), answer: () => told.push('answer') },
  }
  const visit = (target: string): Visit => {
    return { method: 'GET', target, prefix: '', field: () => '' } as unknown as Visit
  }
  const serve = (files: StaticFiles, target: string, by: object = visitor): void =>
    files.serve(visit(target), by as Visitor)
  const open = (): StaticFiles => new StaticFiles([import.meta.dirname], { isAll: false })
  // Strangers can think of many: nothing is looked for, nor remembered.
  serve(open(), `/${'x'.repeat(staticPathMaxChars)}`)
  assert.deepEqual(told, ['place'])
  serve(open(), '/static-files.ts')
  await until(() => told.length === 2, 'the answer')

  /** What is known of a file is answered at once. */
  const isKnown = (files: StaticFiles): boolean => {
    let known = false
    serve(files, '/static-files.ts', { ...visitor, answer: () => (known = true) })
    return known
  }
  const [done, next] = [open(), open()]
  serve(done, '/static-files.ts')
  visitor.isDone = true
  await until(() => isKnown(done), 'the file is found')
  visitor.isDone = false
  serve(next, '/static-files.ts')
  visitor.ticket++
  await until(() => isKnown(next), 'the file is found')
  assert.deepEqual(told, ['place', 'answer'])
})

test('files that were all there was are not, once there is an instance, or one is expected', async () => {
  await using instance = await TestInstance.answering(ok('app'))
  const [route] = routeTable(1, [{ ports: [] }]).apps as [AppRoute]
  const staticDirs = [import.meta.dirname]
  const table = (generation: number, set: Partial<AppRoute>): RouteTable => {
    const apps = [{ ...route, staticDirs, ...set }]
    return { ...routeTable(generation, []), apps, defaultApp: route.app }
  }
  await using proxy = await startProxy(table(1, { whenEmpty: 'scaled-to-zero' }))
  using client = new TestClient(proxy.port).send(get('/nothing'))
  assert.deepEqual(await client.answers(1), [404])
  proxy.worker.router.apply(table(2, { whenEmpty: 'hold' }))
  client.send(get('/nothing'))
  const [app] = proxy.worker.router.apps
  await until(() => app?.held.size === 1, 'it is held')
  const { upstreams } = routeTable(3, [{ ports: [instance.port] }]).apps[0] as AppRoute
  proxy.worker.router.apply(table(3, { upstreams }))
  assert.deepEqual(await client.answers(2), [404, 200])
})
