/** A0.11: of two deploys at a time the newest wins, and nothing of the other is left. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fetchApp } from '../harness/fetch-app.ts'
import { copyFixture } from '../harness/fixture-app.ts'
import { startPlatform } from '../harness/start-platform.ts'
import { until } from '../harness/until.ts'

test('A0.11 a second deploy during the first supersedes it, and nothing is orphaned', async () => {
  await using platform = await startPlatform()
  await using app = await copyFixture('slow-start', { 'version.txt': '1' })
  await platform.run('deploy', app.path)

  await app.write('version.txt', '2')
  const first = platform.cli(['deploy', app.path])
  await until(async () => {
    const [newest] = await platform.client.deploys.list('slow-start')
    return newest?.state === 'starting'
  })
  await app.write('version.txt', '3')
  const second = platform.cli(['deploy', app.path])

  const [superseded, succeeded] = await Promise.all([first, second])
  assert.equal(superseded.code, 6, superseded.stdout + superseded.stderr)
  assert.match(superseded.stdout + superseded.stderr, /newer deploy/i)
  assert.equal(succeeded.code, 0, succeeded.stdout + succeeded.stderr)
  assert.equal((await fetchApp(platform.url('slow-start'))).body, 'good 3\n')

  const states = (await platform.client.deploys.list('slow-start')).map(({ state }) => state)
  assert.deepEqual(states, ['succeeded', 'superseded', 'succeeded'])
  // The release that never served leaves; the one before stays warm.
  await until(async () => {
    const instances = await platform.client.apps.instances('slow-start')
    const living = instances.filter(({ state }) => state !== 'exited')
    return (
      living
        .map(({ state }) => state)
        .sort()
        .join() === 'ready,warm'
    )
  })
  assert.equal((await platform.client.apps.list()).length, 1)
})

test('A0.11 two deploys of one app at the same instant both end, and one serves', async () => {
  await using platform = await startPlatform()
  await using a = await copyFixture('good', { 'version.txt': 'a' })
  await using b = await copyFixture('good', { 'version.txt': 'b' })
  const ends = await Promise.all([
    platform.cli(['deploy', a.path]),
    platform.cli(['deploy', b.path]),
  ])
  assert.ok(ends.some(({ code }) => code === 0))
  assert.ok(ends.every(({ code }) => code === 0 || code === 6))
  assert.match((await fetchApp(platform.url('good'))).body, /good [ab]/)
})
