/** What a change of an own port does to instances and connections, under load, on the platform. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fetchApp } from '../harness/fetch-app.ts'
import { copyFixture, type FixtureApp } from '../harness/fixture-app.ts'
import { freePorts } from '../harness/start-pebble.ts'
import { type Platform, startPlatform } from '../harness/start-platform.ts'
import { until } from '../harness/until.ts'
import { type Load, startLoad } from './own-port-load.ts'

const server = `require('node:http').createServer((request, response) => {
  const how = request.headers['x-forwarded-for'] ? 'routed' : 'direct'
  response.end([process.env.APP, process.env.RELEASE, process.pid, how].join(' '))
}).listen(process.env.PORT, process.env.HOST)
`
const clients = { keepAlive: 2, perRequest: 2 }

async function makeApp(name: string, manifest: object = {}): Promise<FixtureApp> {
  return await copyFixture('good', {
    'server.js': server,
    'package.json': JSON.stringify({ name, scripts: { start: 'node server.js' } }),
    'viaduct.json': JSON.stringify({ version: 1, name, ...manifest }),
  })
}

/** `viaduct ports …` of the app; resolves when it is in force. */
async function ports(platform: Platform, ...words: string[]): Promise<string> {
  return await platform.run('ports', ...words, '--app', 'live')
}

async function pidAt(port: number): Promise<string> {
  return (await fetchApp(`http://127.0.0.1:${port}`)).body.split(' ')[2] ?? ''
}

/** Waits until the load has had so many more answers. */
async function goesOn(load: Load, more = 50): Promise<void> {
  const from = load.counted.ok
  await until(() => load.counted.ok >= from + more)
}

/** The instance that answered accepted itself. */
async function isDirect(port: number): Promise<boolean> {
  return (await fetchApp(`http://127.0.0.1:${port}`)).body.endsWith('direct')
}

async function isClosed(port: number): Promise<void> {
  const fails = (): Promise<boolean> => {
    return fetchApp(`http://127.0.0.1:${port}`).then(
      () => false,
      () => true,
    )
  }
  await until(fails)
}

test('routed and direct in turn, at one number: no request is lost, refused or reset', async () => {
  await using platform = await startPlatform()
  const [port = 0] = await freePorts(1)
  await using app = await makeApp('live')
  await platform.run('deploy', app.path)
  await using host = startLoad(platform.httpPort, clients)
  const first = await pidAt(platform.httpPort)
  assert.match(await ports(platform, 'set', `${port}`), /live has port \d+, said by you/)
  assert.equal(await pidAt(port), first, 'no instance was touched')
  await using load = startLoad(port, clients)
  for (const how of [['--direct'], [], ['--direct'], []]) {
    await goesOn(load)
    await ports(platform, 'set', `${port}`, ...how)
    await until(async () => (await isDirect(port)) === how.length > 0)
  }
  await platform.run('restart', '--app', 'live')
  await goesOn(load)
  for (const { errors, statuses, ok } of [await load.stop(), await host.stop()]) {
    assert.deepEqual([errors, statuses], [{}, {}])
    assert.ok(ok > 200, String(ok))
  }
})

test('another number, and none: who is there is answered, and the old one is closed', async () => {
  await using platform = await startPlatform()
  const [a = 0, b = 0, c = 0] = await freePorts(3)
  await using app = await makeApp('live')
  await platform.run('deploy', app.path)
  await using host = startLoad(platform.httpPort, clients)
  const steps: readonly (readonly [number, ...string[]])[] = [
    [a],
    [b],
    [c, '--direct'],
    [a, '--direct'],
    [b],
  ]
  let before: { port: number; load: Load } | null = null
  for (const [port, ...how] of steps) {
    await ports(platform, 'set', `${port}`, ...how)
    await using load = startLoad(port, { keepAlive: 1, perRequest: 1 })
    await goesOn(load)
    if (before) await isClosed(before.port)
    const { errors, statuses } = await load.stop()
    assert.deepEqual([errors, statuses], [{}, {}])
    before = { port, load }
  }
  assert.match(await ports(platform, 'unset'), /live has no port of its own/)
  await isClosed(b)
  const { errors, statuses } = await host.stop()
  assert.deepEqual([errors, statuses], [{}, {}])
})

test('a client that keeps its connection is told that the port is closed, and finds it so', async () => {
  await using platform = await startPlatform({ proxies: 1 })
  const [a = 0, b = 0] = await freePorts(2)
  await using app = await makeApp('live', { port: a })
  await platform.run('deploy', app.path)
  for (const [from, ...to] of [
    [a, `${b}`],
    [b, `${a}`, '--direct'],
  ] as const) {
    await using load = startLoad(from, { keepAlive: 2, perRequest: 0 })
    await goesOn(load)
    await ports(platform, 'set', ...to)
    const refused = (): number => load.counted.errors['ECONNREFUSED'] ?? 0
    await until(() => refused() > 0)
    const { errors, statuses } = await load.stop()
    assert.deepEqual(statuses, {})
    // Who connects in the very moment of the close may be reset; all others are answered.
    const others = Object.keys(errors).filter((code) => !/^ECONN(REFUSED|RESET)$/.test(code))
    assert.deepEqual(others, [])
  }
  const { stdout } = await platform.cli(['ports', '--app', 'live', '--json'])
  assert.deepEqual(JSON.parse(stdout).port, { number: a, direct: 'node', tls: false })
  assert.match(await ports(platform, 'unset'), new RegExp(`port ${a}, said by its manifest`))
})

test("another app's port is refused by name; a name that is taken is a warning", async () => {
  await using platform = await startPlatform({ proxies: 1 })
  const [port = 0] = await freePorts(1)
  await using one = await makeApp('one', { port, domain: 'live.localhost' })
  await using app = await makeApp('live')
  await platform.run('deploy', one.path)
  assert.match(
    await platform.run('deploy', app.path),
    /! Warning: live\.localhost leads to one, which has it by a route of its own/,
  )
  assert.match(await platform.run('routes', '--app', 'live'), /live\.localhost +\/ +one, not live/)
  for (const how of [[], ['--direct']]) {
    const { code, stderr } = await platform.cli([
      'ports',
      'set',
      `${port}`,
      ...how,
      '--app',
      'live',
    ])
    assert.equal(code, 6)
    assert.match(stderr, new RegExp(`Port ${port} is one's, so live cannot have it`))
  }
  const own = await platform.cli(['ports', 'set', `${platform.httpPort}`, '--app', 'live'])
  assert.equal(own.code, 6)
  assert.match(own.stderr, /\(own port of an app\) is in use/)
})
