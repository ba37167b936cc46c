/** Ports of an app's own that the proxies accept on, on the real platform. */
import assert from 'node:assert/strict'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { fetchApp } from '../harness/fetch-app.ts'
import { copyFixture, type FixtureApp } from '../harness/fixture-app.ts'
import { freePorts } from '../harness/start-pebble.ts'
import { startPlatform } from '../harness/start-platform.ts'
import { until } from '../harness/until.ts'
import { startLoad } from './own-port-load.ts'

const server = `require('node:http').createServer((request, response) => {
  response.end([process.env.APP, process.env.RELEASE].join(' '))
}).listen(process.env.PORT, process.env.HOST)
`

async function makeApp(name: string, manifest: object): Promise<FixtureApp> {
  return await copyFixture('good', {
    'server.js': server,
    'package.json': JSON.stringify({ name, scripts: { start: 'node server.js' } }),
    'viaduct.json': JSON.stringify({ version: 1, name, ...manifest }),
  })
}

async function ask(port: number): Promise<string> {
  const { status, body } = await fetchApp(`http://127.0.0.1:${port}`)
  return status === 200 ? body : String(status)
}

/** Inodes of the sockets that listen on the port, as far as the process has them. */
async function socketsOf(pid: number, port: number): Promise<string[]> {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8')),
  )
  const lines = tables.join('\n').matchAll(new RegExp(`:${hex} \\S+ 0A (?:\\S+ +){5}(\\d+)`, 'g'))
  const inodes = new Set([...lines].map(([, inode]) => `socket:[${inode}]`))
  const fds = await readdir(`/proc/${pid}/fd`)
  const links = await Promise.all(
    fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')), // Closed meanwhile.
  )
  return links.filter((link) => inodes.has(link))
}

test('a port leads to its app alone, through deploys and kills of every process', async () => {
  await using platform = await startPlatform()
  const [port = 0, other = 0] = await freePorts(2)
  await using site = await makeApp('site', {})
  await using blog = await makeApp('blog', { port })
  await platform.run('deploy', site.path)
  await using elsewhere = startLoad(platform.httpPort, { keepAlive: 2, perRequest: 0 })
  await platform.run('deploy', blog.path)
  assert.equal(await ask(port), 'blog v1')
  await using load = startLoad(port)
  await platform.run('deploy', blog.path)
  await until(async () => (await ask(port)) === 'blog v2')

  for (const pid of await platform.proxyPids()) {
    process.kill(pid, 'SIGKILL')
    await until(async () => {
      const pids = await platform.proxyPids()
      return pids.length === 2 && !pids.includes(pid)
    })
    assert.equal(await ask(port), 'blog v2')
  }
  const before = await socketsOf(platform.keeperPid(), port)
  assert.equal(before.length, 1)
  process.kill(platform.keeperPid(), 'SIGKILL')
  await platform.startKeeper()
  // The API answers before: its daemon has lived on.
  const after = await until(async () => {
    const sockets = await socketsOf(platform.keeperPid(), port)
    return sockets.length > 0 && sockets
  })
  assert.deepEqual(after, before, 'it is the same socket')
  assert.equal(await ask(port), 'blog v2')
  await platform.run('rollback', '--app', 'blog')
  assert.equal(await ask(port), 'blog v1')
  await elsewhere.stop()
  const { errors, statuses, ok } = await load.stop()
  assert.ok(ok > 100, String(ok))
  // A killed proxy resets what it has in its hands; nothing is refused.
  assert.deepEqual(
    Object.keys(errors).filter((code) => code !== 'ECONNRESET'),
    [],
  )
  assert.deepEqual(statuses, {})

  await blog.write('viaduct.json', JSON.stringify({ version: 1, name: 'blog', port: other }))
  await platform.run('deploy', blog.path)
  assert.equal(await ask(other), 'blog v3')
  await until(
    async () =>
      await ask(port).then(
        () => false,
        () => true,
      ),
  )
  await platform.run('destroy', 'blog', '--yes')
  await until(
    async () =>
      await ask(other).then(
        () => false,
        () => true,
      ),
  )
})

test("a port that is another app's, or somebody else's, fails the deploy and changes nothing", async () => {
  await using platform = await startPlatform({ proxies: 1 })
  const [port = 0, taken = 0] = await freePorts(2)
  await using one = await makeApp('one', { port })
  await using two = await makeApp('two', {})
  await platform.run('deploy', one.path)
  await platform.run('deploy', two.path)
  await two.write('viaduct.json', JSON.stringify({ version: 1, name: 'two', port }))
  const claimed = await platform.cli(['deploy', two.path, '--json'])
  assert.notEqual(claimed.code, 0)
  assert.match(claimed.stderr + claimed.stdout, new RegExp(`Port ${port} is one's, so two cannot`))

  const stranger = createServer().listen(taken, '0.0.0.0')
  await two.write('viaduct.json', JSON.stringify({ version: 1, name: 'two', port: taken }))
  const busy = await platform.cli(['deploy', two.path])
  stranger.close()
  assert.notEqual(busy.code, 0)
  assert.match(busy.stderr, new RegExp(`Port ${taken} on .* \\(own port of an app\\) is in use`))
  assert.equal((await fetchApp(platform.url('two'))).body, 'two v1')
  assert.equal(await ask(port), 'one v1')
})
