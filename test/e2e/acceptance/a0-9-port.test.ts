/** A0.9: a PORT that the user sets never reaches the instances. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fetchApp } from '../harness/fetch-app.ts'
import { copyFixture } from '../harness/fixture-app.ts'
import { startPlatform } from '../harness/start-platform.ts'

test('A0.9 PORT=3000 with two dynos does not make them fight for one port', async () => {
  await using platform = await startPlatform({ env: { VIADUCT_WEB_COUNT: '2' } })
  await using app = await copyFixture('good')
  await platform.run('deploy', app.path)
  await platform.run('env', `127.0.0.1:${platform.apiPort}`, app.path, 'PORT=3000')
  await platform.run('deploy', app.path)
  const instances = await platform.client.apps.instances('good')
  const ports = instances.filter(({ state }) => state === 'ready').map(({ port }) => port)
  assert.equal(ports.length, 2)
  assert.equal(new Set(ports).size, 2)
  assert.ok(!ports.includes(3000))
  assert.equal((await fetchApp(platform.url('good'))).status, 200)
})
