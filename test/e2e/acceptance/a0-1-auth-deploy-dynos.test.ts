/** A0.1: log in, deploy, and see exactly the wanted dynos come up. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { copyFixture } from '../harness/fixture-app.ts'
import { fetchApp } from '../harness/fetch-app.ts'
import { startPlatform } from '../harness/start-platform.ts'

interface Dyno {
  readonly port: number
  readonly pid: number
  readonly status: string
  readonly stats?: { readonly cpu: string; readonly mem: string }
}

test('A0.1 auth, deploy and dynos work as the seed wrote them, with dyno_count dynos', async () => {
  // With one proxy, for each counts for itself what is in flight.
  await using platform = await startPlatform({ proxies: 1, env: { VIADUCT_WEB_COUNT: '2' } })
  await using app = await copyFixture('good')
  const host = `127.0.0.1:${platform.apiPort}`
  const env = { VIADUCT_URL: undefined, VIADUCT_TOKEN: undefined }

  const auth = await platform.cli(['auth', host, platform.token], { env })
  assert.equal(auth.code, 0, auth.stderr)
  const deploy = await platform.cli(['deploy', host, app.path], { env })
  assert.equal(deploy.code, 0, deploy.stdout + deploy.stderr)

  const { code, stdout } = await platform.cli(['dynos', host], { env })
  assert.equal(code, 0)
  const { dynos } = JSON.parse(stdout) as { dynos: Dyno[] }
  assert.equal(dynos.length, 2)
  assert.equal(new Set(dynos.map(({ pid }) => pid)).size, 2)
  assert.equal(new Set(dynos.map(({ port }) => port)).size, 2)
  for (const dyno of dynos) {
    assert.equal(dyno.status, 'up')
    assert.match(dyno.stats?.cpu ?? '', /^\d+\.\d%$/)
    assert.match(dyno.stats?.mem ?? '', /^\d+\.\d%$/)
  }

  const slow = { path: '/slow?ms=300' }
  await Promise.all([fetchApp(platform.url('good'), slow), fetchApp(platform.url('good'), slow)])
  const stats = await platform.client.stats()
  const used = stats.instances.filter(({ requests }) => requests > 0)
  assert.equal(used.length, 2, 'Two requests at a time go to two different instances')
})
