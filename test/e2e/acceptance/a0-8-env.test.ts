/** A0.8: a variable is for the dynos spawned afterwards, and is not lost. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fetchApp } from '../harness/fetch-app.ts'
import { copyFixture } from '../harness/fixture-app.ts'
import { type Platform, startPlatform } from '../harness/start-platform.ts'

test('A0.8 env waits for the next deploy, survives a restart of the service, keeps "="', async () => {
  await using platform = await startPlatform()
  await using app = await copyFixture('good')
  await platform.run('env', `127.0.0.1:${platform.apiPort}`, app.path, 'EARLY=1')
  await platform.run('deploy', app.path)
  assert.equal((await environmentOf(platform)).EARLY, '1', 'What was set before the first deploy')
  await platform.run('env', `127.0.0.1:${platform.apiPort}`, app.path, 'K=a=b')
  assert.equal((await environmentOf(platform)).K, undefined, 'Running dynos keep theirs')

  await platform.stop()
  await platform.assertNothingLeft()
  await platform.startKeeper()
  assert.equal((await environmentOf(platform)).K, undefined)
  await platform.run('deploy', app.path)
  assert.equal((await environmentOf(platform)).K, 'a=b')

  await platform.stop()
  await platform.startKeeper()
  assert.equal((await environmentOf(platform)).K, 'a=b')
})

test('A0.8 config set makes a release, and a rollback brings the old config back', async () => {
  await using platform = await startPlatform({ env: { SECRET_OF_THE_SERVER: 'hush' } })
  await using app = await copyFixture('good')
  await platform.run('deploy', app.path)
  await platform.run('config', 'set', 'LEVEL=debug', 'EMPTY=', '--app', 'good')
  const { LEVEL, EMPTY, SECRET_OF_THE_SERVER } = await environmentOf(platform)
  assert.deepEqual({ LEVEL, EMPTY }, { LEVEL: 'debug', EMPTY: '' })
  assert.equal(SECRET_OF_THE_SERVER, undefined, "The server's own variables stay with it")

  await platform.run('rollback', '--app', 'good')
  assert.equal((await environmentOf(platform)).LEVEL, undefined)
  await platform.run('config', 'set', 'OTHER=1', '--app', 'good')
  const after = await environmentOf(platform)
  assert.equal(after.OTHER, '1')
  assert.equal(after.LEVEL, undefined, "It builds on the current release's config")
})

async function environmentOf(platform: Platform): Promise<Record<string, string | undefined>> {
  const { body } = await fetchApp(platform.url('good'), { path: '/info' })
  return (JSON.parse(body) as { env: Record<string, string> }).env
}
