/** A site of nothing but files, through the public interface. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startLoad } from '../../../tools/load/start-load.ts'
import { fetchApp } from '../harness/fetch-app.ts'
import { startPlatform } from '../harness/start-platform.ts'
import { until } from '../harness/until.ts'

test(
  'a site is served without a process, deployed under load, and rolled back',
  {
    timeout: 200_000,
  },
  async (t) => {
    const folders = await mkdtemp(join(tmpdir(), 'viaduct-sites-'))
    t.after(() => rm(folders, { recursive: true }))
    const site = join(folders, 'site')
    await mkdir(site)
    await writeFile(join(site, 'viaduct.json'), '{ "env": { "KEY": "secret" } }')
    await writeFile(join(site, 'index.html'), 'one\n')
    await using platform = await startPlatform()
    const get = (path = '/', method = 'GET') => fetchApp(platform.url('site'), { path, method })
    const explained = await platform.run('build', '--explain', site)
    assert.match(explained, /static: index\.html is there, and nothing to start/)
    await platform.run('deploy', site)
    assert.equal((await get()).body, 'one\n')
    assert.equal((await get('/viaduct.json')).status, 404)
    assert.equal((await get('/', 'POST')).status, 405)
    assert.deepEqual(await platform.appProcesses(), [])
    assert.equal((await platform.client.apps.list())[0]?.status, 'running')

    const mix = { get: 4, new: 4, post: 0, slow: 0, sse: 0, ws: 0 }
    await using load = await startLoad({ url: platform.url('site'), rate: 200, mix })
    await until(() => (load.totals()?.requests ?? 0) > 100)
    await writeFile(join(site, 'index.html'), 'two\n')
    await writeFile(join(site, 'new.html'), 'new\n')
    await platform.run('deploy', site)
    assert.equal((await get()).body, 'two\n')
    assert.equal((await get('/new.html')).body, 'new\n')
    await platform.run('rollback', '--app', 'site')
    assert.equal((await get()).body, 'one\n')
    assert.equal((await get('/new.html')).status, 404)

    // The site becomes an app with a process, and is a site again.
    const server =
      "require('node:http').createServer((q, s) => s.end('three')).listen(process.env.PORT)"
    await writeFile(join(site, 'server.js'), server)
    await writeFile(join(site, 'Procfile'), 'web: node server.js\n')
    await platform.run('deploy', site)
    assert.equal((await get()).body, 'three')
    await platform.run('rollback', '--app', 'site')
    assert.equal((await get()).body, 'one\n')
    assert.deepEqual((await load.stop()).failures, [])
    await platform.run('stop', '--app', 'site')
    assert.equal((await get()).status, 503)
    await platform.run('start', '--app', 'site')
    assert.equal((await get()).body, 'one\n')
  },
)
