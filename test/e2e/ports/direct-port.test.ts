/** Ports that the app's own processes accept on, on the real platform. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fetchApp } from '../harness/fetch-app.ts'
import { copyFixture, type FixtureApp } from '../harness/fixture-app.ts'
import { freePorts } from '../harness/start-pebble.ts'
import { startPlatform } from '../harness/start-platform.ts'
import { until } from '../harness/until.ts'
import { startLoad } from './own-port-load.ts'

const server = `require('node:http').createServer((request, response) => {
  response.end([process.env.APP, process.env.RELEASE, process.pid].join(' '))
}).listen(process.env.PORT, process.env.HOST)
`

async function makeApp(
  name: string,
  manifest: object,
  files: Readonly<Record<string, string>> = {},
): Promise<FixtureApp> {
  return await copyFixture('good', {
    'server.js': server,
    'package.json': JSON.stringify({ name, scripts: { start: 'node server.js' } }),
    'viaduct.json': JSON.stringify({ version: 1, name, ...manifest }),
    ...files,
  })
}

async function ask(port: number): Promise<string> {
  const { status, headers, body } = await fetchApp(`http://127.0.0.1:${port}`)
  assert.equal(headers['viaduct-error'], undefined, body)
  return status === 200 ? body : String(status)
}

/** It is an instance of the release that answers, not a proxy. */
async function answersFrom(port: number, release: string): Promise<void> {
  const body = await ask(port)
  assert.match(body, new RegExp(`^live ${release} `))
}

test('an unmodified app accepts itself, through deploys, a rollback and kills', async () => {
  await using platform = await startPlatform()
  const [port = 0] = await freePorts(1)
  await using app = await makeApp('live', { port: { number: port, direct: true } })
  await platform.run('deploy', app.path)
  await answersFrom(port, 'v1')
  assert.match((await fetchApp(platform.url('live'))).body, /^live v1/)
  await using load = startLoad(port)
  for (let deploy = 2; deploy <= 13; deploy++) {
    await platform.run('deploy', app.path)
    await until(async () => (await ask(port)).startsWith(`live v${deploy} `))
  }
  await platform.run('rollback', '--app', 'live')
  await until(async () => (await ask(port)).startsWith('live v12 '))
  await platform.run('scale', '--app', 'live', 'web=2')
  await platform.run('restart', '--app', 'live')
  const deploys = await load.stop()
  assert.ok(deploys.ok > 1_000, String(deploys.ok))
  assert.deepEqual([deploys.errors, deploys.statuses], [{}, {}])
})

test('kills of keeper, daemon and proxies are not seen; a killed instance comes back', async () => {
  await using platform = await startPlatform()
  const [port = 0] = await freePorts(1)
  await using app = await makeApp('live', { port: { number: port, direct: true } })
  await platform.run('deploy', app.path)
  await platform.run('scale', '--app', 'live', 'web=2')
  await using load = startLoad(port)
  process.kill(platform.keeperPid(), 'SIGKILL')
  await platform.startKeeper()
  await platform.run('deploy', app.path)
  process.kill(await platform.daemonPid(), 'SIGKILL')
  for (const pid of await platform.proxyPids()) process.kill(pid, 'SIGKILL')
  await until(async () => (await platform.proxyPids()).length === 2)
  process.kill(platform.keeperPid(), 'SIGKILL')
  await platform.startKeeper()
  await platform.run('restart', '--app', 'live')
  await platform.run('rollback', '--app', 'live')
  const killed = await load.stop()
  assert.ok(killed.ok > 500, String(killed.ok))
  assert.deepEqual([killed.errors, killed.statuses], [{}, {}])

  // Of its own requests only: whoever comes meanwhile waits.
  await platform.run('scale', '--app', 'live', 'web=1')
  const pid = Number((await ask(port)).split(' ')[2])
  process.kill(pid, 'SIGKILL')
  await until(async () => !(await ask(port)).endsWith(` ${pid}`))
  await answersFrom(port, 'v1')
  await until(
    async () => (await fetchApp(`http://127.0.0.1:${port}`)).headers['viaduct-error'] === undefined,
  )

  await platform.run('stop', '--app', 'live')
  const stopped = await fetchApp(`http://127.0.0.1:${port}`)
  assert.deepEqual([stopped.status, stopped.headers['viaduct-error']], [503, 'stopped'])
  await platform.run('start', '--app', 'live')
  await until(async () => (await ask(port)).startsWith('live v1 '))
})

const clustered = `const cluster = require('node:cluster')
if (cluster.isPrimary) for (let i = 0; i < 2; i++) cluster.fork()
else require('./server.js')
`
const lines = { 'npm start': server, 'cd . && exec node server.js': server, 'node .': clustered }

for (const [line, main] of Object.entries(lines)) {
  test(`"${line}": the process behind it accepts, through deploys`, async () => {
    await using platform = await startPlatform({ proxies: 1 })
    const [port = 0] = await freePorts(1)
    const files = { Procfile: `web: ${line}\n`, 'index.js': main }
    await using app = await makeApp('live', { port: { number: port, direct: true } }, files)
    await platform.run('deploy', app.path)
    await answersFrom(port, 'v1')
    await using load = startLoad(port)
    for (let deploy = 2; deploy <= 4; deploy++) {
      await platform.run('deploy', app.path)
      await until(async () => (await ask(port)).startsWith(`live v${deploy} `))
    }
    const { errors, statuses, ok } = await load.stop()
    assert.ok(ok > 100, String(ok))
    assert.deepEqual([errors, statuses], [{}, {}])
  })
}

const python = `
import asyncio, os, signal, socket
assert os.environ['LISTEN_PID'] == str(os.getpid()) and os.environ['LISTEN_FDS'] == '1'
async def serve(reader, writer):
    try:
        await reader.readuntil(b'\\r\\n\\r\\n')
    except asyncio.IncompleteReadError:
        return writer.close()
    body = ('live %s %d' % (os.environ['RELEASE'], os.getpid())).encode()
    writer.write(b'HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n\\r\\n' % len(body) + body)
    await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(serve, sock=socket.socket(fileno=3))
    end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    await end.wait()
    server.close()
    await asyncio.sleep(0.2)
asyncio.run(main())
`

const hasPython = spawnSync('python3', ['--version']).status === 0
const skip = hasPython ? false : 'python3 is not on this machine'

test(
  'an app in another language takes the socket by the protocol of systemd',
  { skip },
  async () => {
    await using platform = await startPlatform({ proxies: 1 })
    const [port = 0] = await freePorts(1)
    const manifest = {
      port: { number: port, direct: 'listen-fds' },
      timeouts: { minUptimeMs: 200 },
    }
    const files = { 'server.py': python, Procfile: 'web: python3 server.py\n' }
    await using app = await makeApp('live', manifest, files)
    await platform.run('deploy', app.path)
    await answersFrom(port, 'v1')
    assert.match((await fetchApp(platform.url('live'))).body, /^live v1/)
    await using load = startLoad(port, { keepAlive: 0, perRequest: 6 })
    for (let deploy = 2; deploy <= 5; deploy++) await platform.run('deploy', app.path)
    const { ok, errors, statuses } = await load.stop()
    assert.ok(ok > 100, String(ok))
    assert.deepEqual([errors, statuses], [{}, {}])
    await until(async () => (await ask(port)).startsWith('live v5 '))
  },
)

test('what cannot work fails the deploy with the reason, and what served goes on', async () => {
  await using platform = await startPlatform({ proxies: 1 })
  const [port = 0] = await freePorts(1)
  await using app = await makeApp('live', { port: { number: port, direct: true } })
  await platform.run('deploy', app.path)
  const start = `require('node:child_process').spawnSync('node', ['server.js'])`
  await app.write('start.js', start)
  await app.write('Procfile', 'web: node start.js\n')
  const { code, stderr } = await platform.cli(['deploy', app.path])
  assert.notEqual(code, 0)
  assert.match(stderr, new RegExp(`web\\.1 of v2 cannot accept on port ${port} itself`))
  await answersFrom(port, 'v1')
})

test('a stop of the platform lets requests finish that no proxy has seen', async () => {
  await using platform = await startPlatform({ proxies: 1 })
  const [port = 0] = await freePorts(1)
  const slow = `require('node:http').createServer((request, response) => {
    console.log('asked')
    setTimeout(() => response.end('at last'), 1500)
  }).listen(process.env.PORT, process.env.HOST)
  `
  const manifest = { port: { number: port, direct: true } }
  await using app = await makeApp('live', manifest, { 'server.js': slow })
  await platform.run('deploy', app.path)
  const asked = fetchApp(`http://127.0.0.1:${port}`)
  await until(async () => (await platform.run('logs', '--app', 'live')).includes('asked'))
  const [{ body, headers }, code] = await Promise.all([asked, platform.stop()])
  assert.deepEqual([body, headers.connection, code], ['at last', 'close', 0])
})
