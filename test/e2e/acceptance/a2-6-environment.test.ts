/** A2.6: one key at every level resolves to the highest; PORT is always the platform's. */
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fetchApp } from '../harness/fetch-app.ts'
import { copyFixture } from '../harness/fixture-app.ts'
import { freePorts } from '../harness/start-pebble.ts'
import { startPlatform } from '../harness/start-platform.ts'

const server = `import { createServer } from 'node:http'
createServer((q, s) => s.end(JSON.stringify(process.env)))
  .listen(process.env.PORT, process.env.HOST)`

test('A2.6 a key set at every level has the highest value, and explain says whose', async () => {
  await using platform = await startPlatform({ env: { PLANTED_SECRET: 'of-the-server' } })
  const [port = 0] = await freePorts(1)
  const level = (word: string): string => `K_${word}`
  await using app = await copyFixture('good', {
    'server.js': server,
    'viaduct.json': JSON.stringify({
      name: 'good',
      env: { K: level('manifest'), M: level('manifest'), LANG: 'de_DE.UTF-8' },
    }),
    '.env': `K=${level('file')}\nF="\${M} in $APP"\nexport G=${level('file')}\nPORT=${port}\n`,
  })
  const ask = async (): Promise<Record<string, string>> =>
    JSON.parse((await fetchApp(platform.url('good'))).body) as Record<string, string>

  await platform.run('deploy', app.path)
  const first = await ask()
  assert.deepEqual(
    [first['K'], first['F'], first['LANG']],
    [...[level('file'), 'K_manifest in good', 'de_DE.UTF-8']],
  )
  assert.notEqual(Number(first['PORT']), port)
  assert.equal((await fetchApp(`http://127.0.0.1:${port}`)).status, 200)

  await platform.run('config', 'group', 'shared', `K=${level('group')}`, `G=${level('group')}`)
  await platform.run('config', 'group', 'shared', '--bind', 'good')
  const second = await ask()
  assert.deepEqual([second['K'], second['G']], [level('group'), level('group')])
  await platform.run('config', 'set', `K=${level('config')}`, '--app', 'good')
  const third = await ask()
  assert.deepEqual(
    [third['K'], third['G'], third['M']],
    [...[level('config'), level('group'), level('manifest')]],
  )
  assert.ok(!JSON.stringify([first, second, third]).includes('of-the-server'))

  const explained = await platform.run('config', 'explain', 'K', '--app', 'good')
  const places = explained
    .split('\n')
    .slice(1)
    .map((line) => line.trim().replace(/ {2,}/g, ' | '))
  assert.deepEqual(places.slice(0, 4), [
    'K | config of the app | wins',
    'config group shared | overridden',
    '.env:1 | overridden',
    '"env" of the manifest | overridden',
  ])
  assert.ok(!explained.includes('K_'), 'values are hidden')
  const shown = await platform.run('config', 'explain', 'K', '--app', 'good', '--show')
  for (const word of ['config', 'group', 'file', 'manifest']) assert.ok(shown.includes(level(word)))

  await platform.run('rollback', '--app', 'good', 'v1')
  assert.equal((await ask())['K'], level('file'))

  // Nothing that lists or logs has a value of `.env` or of the config.
  const releases = await platform.run('releases', '--app', 'good', '--json')
  const deploys = JSON.stringify(await platform.client.deploys.list('good'))
  const logs = await readAll(join(platform.dataDir, 'logs'))
  for (const text of [releases, deploys, logs]) assert.ok(!/K_(?:file|group|config)/.test(text))
})

async function readAll(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const texts = files.map(({ parentPath, name }) => readFile(join(parentPath, name), 'utf8'))
  const all = (await Promise.all(texts)).join('\n')
  assert.ok(all.length > 0, 'there are logs')
  return all
}
