/** Ports that the app's own processes accept on, on the real platform. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fetchApp } from '../harness/fetch-app.ts'
import { copyFixture, type FixtureApp } from '../harness/fixture-app.ts'
import { freePorts } from '../harness/start-pebble.ts'
import { type Platform, startPlatform } from '../harness/start-platform.ts'
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
async function answersFrom(platform: Platform, port: number, release: string): Promise<void> {
  const body = await ask(port)
  assert.match(body, new RegExp(`^live ${release} `))
}

test('an unmodified app accepts itself, through deploys, a rollback and kills', async () => {
  await using platform = await startPlatform()
  const [port = 0] = await freePorts(1)
  await using app = await makeApp('live', { port: { number: port, direct: true } })
  await platform.run('deploy', app.path)
  await answersFrom(platform, port, 'v1')
  assert.match((await fetchApp(platform.url('live'))).body, /^live v1/)
  const load = startLoad(port)
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
