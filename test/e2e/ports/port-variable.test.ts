/** A PORT that users set, in `.env` or as config, is the port at which the world reaches the app. */
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { test } from 'node:test'
import { fetchApp } from '../harness/fetch-app.ts'
import { copyFixture } from '../harness/fixture-app.ts'
import { freePorts } from '../harness/start-pebble.ts'
import { startPlatform } from '../harness/start-platform.ts'

const server = `require('http').createServer((q, s) => s.end(process.env.APP + ' ' +
  process.env.RELEASE + ' ' + process.env.PORT)).listen(process.env.PORT, process.env.HOST)`

const makeApp = (name: string, files: Record<string, string>) =>
  copyFixture('good', {
    'server.js': server,
    'package.json': JSON.stringify({ name, scripts: { start: 'node server.js' } }),
    ...files,
  })

async function ask(port: number): Promise<string> {
  const { status, body } = await fetchApp(`http://127.0.0.1:${port}`)
  return status === 200 ? body : String(status)
}

test('PORT in .env, then in the config, opens that port for the app; the process has its own', async () => {
  await using platform = await startPlatform()
  const [first = 0, second = 0, third = 0] = await freePorts(3)
  await using shop = await makeApp('shop', { '.env': `NAME=x\nPORT=${first}\n` })
  const deployed = await platform.run('deploy', shop.path)
  assert.match(deployed, new RegExp(`PORT=${first}, said by \\.env:2, is where the world`))
  assert.match(await ask(first), /^shop v1 2[0-9]{4}$/)
  assert.match((await fetchApp(platform.url('shop'))).body, /^shop v1/)

  const set = await platform.run('config', 'set', `PORT=${second}`, '--app', 'shop')
  assert.match(set, new RegExp(`PORT=${second}, said by the config`))
  assert.match(await ask(second), /^shop v2/)
  await assert.rejects(ask(first))
  const { port, source } = await platform.client.port.get('shop')
  assert.deepEqual([port?.number, source], [second, 'config'])

  await platform.run('ports', 'set', String(third), '--app', 'shop')
  assert.match(await ask(third), /^shop v2/)
  await assert.rejects(ask(second))
  await platform.run('ports', 'unset', '--app', 'shop')
  await platform.run('rollback', '--app', 'shop')
  assert.match(await ask(first), /^shop v1/)
})

test('a PORT that somebody else has, or that is none, fails the deploy and changes nothing', async () => {
  await using platform = await startPlatform()
  const [port = 0, free = 0] = await freePorts(2)
  await using shop = await makeApp('shop', { '.env': `PORT=${port}\n` })
  await using blog = await makeApp('blog', { '.env': `PORT=${port}\n` })
  await platform.run('deploy', shop.path)
  const taken = await platform.cli(['deploy', blog.path])
  assert.equal(taken.code, 6, taken.stderr)
  assert.match(taken.stderr, /Port \d+ \(PORT, said by \.env:1\) is shop's, so blog cannot have it/)
  await platform.run('config', 'set', `PORT=${free}`, '--app', 'blog', '--stage')
  await platform.run('deploy', blog.path)
  assert.match(await ask(free), /^blog v/)

  const stranger = createServer().listen(0)
  await once(stranger, 'listening')
  try {
    const { port: theirs } = stranger.address() as { port: number }
    const used = await platform.cli(['config', 'set', `PORT=${theirs}`, '--app', 'blog'])
    assert.match(used.stderr, /Port \d+ on .* \(own port of an app\) is in use/)
  } finally {
    stranger.close()
  }
  const own = await platform.cli(['config', 'set', `PORT=${platform.httpPort}`, '--app', 'blog'])
  assert.match(own.stderr, /in use/)
  const none = await platform.cli(['config', 'set', 'PORT=abc', '--app', 'blog'])
  assert.match(none.stderr, /PORT is "abc", said by the config[\s\S]*1 to 65535/)
  assert.match(await ask(free), /^blog v/)
  assert.match(await ask(port), /^shop v1/)
})
