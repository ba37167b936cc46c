import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseRouteMatch } from '../../model/routing/route-match.ts'
import { routeTable } from '../fixtures/route-table.ts'
import { ok, startProxy, TestClient, TestInstance } from '../fixtures/test-proxy.ts'

test('a stripped path is the same for each of many requests, also when the head comes again', async () => {
  await using blog = await TestInstance.answering((head) => ok(seen(head)))
  await using site = await TestInstance.answering((head) => ok(`site ${seen(head)}`))
  const strip = parseRouteMatch({ host: 'app.localhost', path: '/blog', strip: true })
  const all = parseRouteMatch({ host: 'app.localhost' })
  await using proxy = await startProxy(
    routeTable(1, [
      { app: 'blog', matches: [strip], ports: [blog.port] },
      { app: 'site', matches: [all], ports: [site.port] },
    ]),
  )
  using client = new TestClient(proxy.port)
  const bodies: string[] = []
  for (let i = 1; i <= 6; i++) {
    // The same head several times: it is kept, and not read anew.
    const path = i < 5 ? '/blog/x?y' : '/other'
    client.send(`GET ${path} HTTP/1.1\r\nHost: app.localhost\r\n\r\n`)
    await client.answers(i)
    bodies.push(client.text.split('\r\n\r\n').at(-1) ?? '')
  }
  assert.deepEqual(bodies, [...Array(4).fill('/x?y /blog'), 'site /other -', 'site /other -'])
  // The way changes under a head that is known.
  proxy.worker.router.apply(
    routeTable(2, [
      { app: 'blog', matches: [{ ...strip, stripPath: false }], ports: [blog.port] },
      { app: 'site', matches: [all], ports: [site.port] },
    ]),
  )
  client.send('GET /blog/x?y HTTP/1.1\r\nHost: app.localhost\r\n\r\n')
  await client.answers(7)
  assert.equal(client.text.split('\r\n\r\n').at(-1), '/blog/x?y -')
})

test("a client's own X-Forwarded-Prefix and X-App reach no instance", async () => {
  await using app = await TestInstance.answering((head) => ok(seen(head)))
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  using client = new TestClient(proxy.port)
  client.send(
    'GET / HTTP/1.1\r\nHost: app.localhost\r\nX-Forwarded-Prefix: /evil\r\nx-app: other\r\n\r\n',
  )
  assert.deepEqual(await client.answers(1), [200])
  assert.doesNotMatch(app.received[0] ?? '', /evil|x-app/i)
})

test('files of a release are looked for without the prefix that is stripped', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'viaduct-files-'))
  await writeFile(join(dir, 'a.txt'), 'file')
  await using app = await TestInstance.answering((head) => ok(seen(head)))
  const strip = parseRouteMatch({ path: '/blog', strip: true })
  const table = routeTable(1, [{ matches: [strip], ports: [app.port] }], { defaultApp: null })
  const apps = table.apps.map((route) => ({ ...route, staticDirs: [dir] }))
  await using proxy = await startProxy({ ...table, apps })
  using client = new TestClient(proxy.port)
  client.send('GET /blog/a.txt HTTP/1.1\r\nHost: x\r\n\r\n')
  await client.answers(1)
  client.send('GET /blog/b.txt HTTP/1.1\r\nHost: x\r\n\r\n')
  await client.answers(2)
  await rm(dir, { recursive: true })
  assert.match(client.text, /\r\n\r\nfile.*\r\n\r\n\/b\.txt \/blog$/s)
})

/** Path and X-Forwarded-Prefix of a request. */
function seen(head: string): string {
  const prefix = /^X-Forwarded-Prefix: (.*)\r$/m.exec(head)?.[1] ?? '-'
  return `${head.split(' ')[1]} ${prefix}`
}
